"""Microsoft's own KQL analyser, told of the tables that Local Azure has."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.monitor.schemas import documented
from tests.node_packages import ensure_installed, node

FOLDER = Path(__file__).parent
TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. *code*: KS142 is an unknown column, KS204 a table, KS211 a function. *start*: its place in the text."""

    code: str
    severity: str
    message: str
    start: int
    length: int


def analyse(queries: Mapping[str, str]) -> dict[str, list[Diagnostic]]:
    """Return what the analyser says of each query, by its name; [] for one that is right.

    Starts node once, whatever the number of queries. Raises RuntimeError with node's words.
    """
    ensure_installed(FOLDER)
    asked = json.dumps({"tables": documented(), "queries": dict(queries)})
    done = subprocess.run(
        [str(node()), str(FOLDER / "analyser.cjs")],
        input=asked,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"the analyser failed:\n{done.stderr[-2000:]}")
    answers = json.loads(done.stdout)
    return {name: [Diagnostic(**one) for one in found] for name, found in answers.items()}
