"""`run.py fix`: format the code, repair what the linter can, and write anew what is generated from the code."""

import subprocess
import sys

from emulator.supervisor import ROOT
from services.settings import env_example

# Each writes a file or pages of docs/; a test holds every one to what is written.
GENERATORS = ("emulator.coverage", "commands.reference", "commands.figures", "ui.plotly_cuts")


def main(arguments: list[str]) -> int:
    ruff = ["ruff", "check", "--fix"], ["ruff", "format"]
    codes = [_run([*step, *arguments]) for step in ruff]
    if not arguments:  # with names of files it is about these files alone
        codes += [_run([name]) for name in GENERATORS]
        (ROOT / ".env.example").write_text(env_example(), "utf-8", newline="\n")
    return max(codes)


def _run(module: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", *module], cwd=ROOT, check=False).returncode
