"""Plotly's script without what nobody here draws with: a quarter of its 4.7 MB, and read by the browser in one go.

What to leave out is in `plotly_script.json`, found by ui/plotly_cuts.py in the script of one release of Streamlit and
kept with its digest: another release's script is served as it is.
"""

import hashlib
import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

PLAN = Path(__file__).parent / "plotly_script.json"
DRAWN = ("bar", "heatmap")  # the kinds of trace that plotly can do without; it always has `scatter`
Edit = tuple[int, int, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """*file*: the script's name. *edits*: (first byte, first byte no longer, what stands there instead), in order."""

    file: str
    sha256: str
    edits: tuple[Edit, ...]

    @property
    def digest(self) -> str:
        """Return what is another for another script, or for other edits of it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:32]

    def applied(self, script: bytes) -> bytes:
        """Return *script* without what is left out; as it is when it is another than the one planned for."""
        if hashlib.sha256(script).hexdigest() != self.sha256:
            return script
        kept, place = [], 0
        for start, end, text in self.edits:
            kept += [script[place:start], text.encode()]
            place = end
        return b"".join([*kept, script[place:]])


def plan() -> Plan:
    told = json.loads(PLAN.read_text("utf-8"))
    return Plan(told["file"], told["sha256"], tuple((start, end, text) for start, end, text in told["edits"]))


def stock() -> Path | None:
    """Return plotly's script as Streamlit ships it; None when a release has none, or several."""
    found = list(Path(str(files("streamlit").joinpath("static/static/js"))).glob("PlotlyChart.*.js"))
    return found[0] if len(found) == 1 else None
