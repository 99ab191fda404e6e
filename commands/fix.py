"""`run.py fix`: format the code and repair what the linter can."""

import subprocess
import sys

from emulator.supervisor import ROOT


def main(arguments: list[str]) -> int:
    ruff = [sys.executable, "-m", "ruff"]
    codes = [
        subprocess.run([*ruff, *step, *arguments], cwd=ROOT, check=False).returncode
        for step in (["check", "--fix"], ["format"])
    ]
    return max(codes)
