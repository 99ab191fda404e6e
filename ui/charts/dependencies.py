"""Who calls whom, in Mermaid: agents, tools and queues from left to right. Every foreign text is letters only."""

from services.answers.narration import seconds
from services.inventory.agents_map import COLUMNS, DependencyMap, Line, Place
from ui.charts import palette
from ui.charts.sequence import name_of

SHAPES = {"orchestrator": ("([", "])"), "agent": ("[", "]"), "tool": ("[[", "]]"), "queue": ("[(", ")]")}
LONGEST_LABEL = 34
NAMELESS = "no name"
_FILLS = {
    "light": {"orchestrator": "#dfe7fb", "agent": "#eef1f8", "tool": "#dff3ea", "queue": "#fbeed6"},
    "dark": {"orchestrator": "#26375f", "agent": "#262f45", "tool": "#1c4436", "queue": "#4a3a1c"},
}
_BORDERS = {"orchestrator": "model", "agent": "run", "tool": "function", "queue": "wait"}


def diagram(found: DependencyMap, theme: str) -> str:
    """Return the Mermaid text."""
    keys = {place.key: f"n{number}" for number, place in enumerate(found.places)}
    lines = ["flowchart LR"]
    lines += [f"    {keys[place.key]}{_box(place)}" for place in found.places]
    lines += [
        f"    {keys[line.source]} {_arrow(line)} {keys[line.target]}"
        for line in found.lines
        if line.source in keys and line.target in keys
    ]
    lines += _classes(theme)
    for column in COLUMNS:
        if own := [keys[place.key] for place in found.column(column) if not place.is_broken]:
            lines.append(f"    class {','.join(own)} {column}")
    if lost := [keys[place.key] for place in found.places if place.is_broken]:
        lines.append(f"    class {','.join(lost)} lost")
    broken = [str(number) for number, line in enumerate(found.lines) if line.is_broken]
    if broken:
        lines.append(f"    linkStyle {','.join(broken)} stroke:{palette.FAILED[theme]},stroke-width:2px")
    return "\n".join(lines)


def _box(place: Place) -> str:
    left, right = SHAPES[place.column]
    name = name_of(short(place.name.strip() or NAMELESS))
    note = f"<br/>{name_of(place.note.rpartition(': ')[2])}" if place.is_broken else ""
    return f'{left}"{name}{note}"{right}'


def _arrow(line: Line) -> str:
    if line.kind == "reply":
        return "-.-x" if line.is_broken else "-.->"
    head = "x" if line.is_broken else ">"
    words = label(line)
    return f'--{head}|"{words}"|' if words else f"--{head}"


def label(line: Line) -> str:
    """Return `p95 0.3 s`, `p95 wait 0.3 s`; empty when nothing is known of the line."""
    if line.use is None or line.use.p95_s is None:
        return ""
    took = seconds(line.use.p95_s).replace("<", "under ")
    return f"p95 {'wait ' if line.kind == 'wait' else ''}{'up to ' if line.use.is_bound else ''}{took}"


def short(text: str) -> str:
    """Return *text* with its middle left out when it is long: names differ at their ends."""
    if len(text) <= LONGEST_LABEL:
        return text
    half = (LONGEST_LABEL - 3) // 2
    return f"{text[:half]}...{text[-half:]}"


def _classes(theme: str) -> list[str]:
    text = palette.TEXT[theme]
    found = [
        f"    classDef {column} fill:{_FILLS[theme][column]},stroke:{palette.KINDS[theme][_BORDERS[column]]},color:{text}"  # type: ignore[index]  # kinds of bars
        for column in COLUMNS
    ]
    failed = palette.FAILED[theme]
    found.append(
        f"    classDef lost fill:{palette.PANEL[theme]},stroke:{failed},color:{failed},stroke-width:2px,stroke-dasharray:5 3"
    )
    return found
