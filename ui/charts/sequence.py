"""The sequence diagram of a trace: who passed what to whom, in Mermaid. Every foreign text is letters only."""

from collections.abc import Sequence

from services.answers.narration import seconds
from services.monitor.shapes import Bar, Passage, Trace
from ui import safe

LONGEST_NAME = 40
MOST_CALLS = 12
_PLAIN = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.,")
_WORDS = {
    "end",
    "loop",
    "alt",
    "opt",
    "par",
    "rect",
    "note",
    "and",
    "else",
    "break",
    "critical",
    "option",
    "box",
}


def diagram(trace: Trace) -> tuple[str, int]:
    """Return the Mermaid text, and how many calls were left out of it."""
    calls = trace.passages[:MOST_CALLS]
    lines = ["sequenceDiagram", "    actor P as Person", "    participant O as Orchestrator"]
    bars = {bar.key: bar for bar in trace.bars}
    agents: dict[str, str] = {}
    for passage in calls:
        agents.setdefault(_agent(passage, trace.bars, bars), f"A{len(agents)}")
    lines += [f"    participant {key} as {name_of(agent or 'Agent')}" for agent, key in agents.items()]
    tools = {name: f"T{number}" for number, name in enumerate(dict.fromkeys(one.tool for one in calls))}
    for tool, key in tools.items():
        lines += [
            f"    participant {key}Q as {name_of(tool)} queues",
            f"    participant {key}F as {name_of(tool)} function",
        ]
    lines.append("    P->>O: question")
    for passage in calls:
        agent = agents[_agent(passage, trace.bars, bars)]
        lines += _call(
            passage, agent, tools[passage.tool], [bar for bar in trace.bars if bar.call == passage.call]
        )
    lines.append(_end(trace))
    return "\n".join(lines), len(trace.passages) - len(calls)


def _call(passage: Passage, agent: str, tool: str, own: Sequence[Bar]) -> list[str]:
    """Return the arrows of one call: solid for what was seen, dotted for what was not."""
    seen = {hop.name: hop.state for hop in passage.hops}
    sure = passage.certainty in ("exact", "strong")
    lines = [f"    O->>{agent}: delegates", f"    {agent}->>{tool}Q: message in"]
    if seen.get("Picked up") in ("active", "ahead"):
        return [*lines, f"    Note over {tool}Q: waits now"]
    taken = "->>" if seen.get("Picked up") == "done" and sure else "-->>"
    lines.append(f"    {tool}Q{taken}{tool}F: taken{_length(own, 'wait', 'after', 'input')}")
    match seen.get("Executed"):
        case "active":
            return [*lines, f"    Note over {tool}F: runs now"]
        case "failed":
            lines.append(f"    Note over {tool}F: failed{_length(own, 'function', 'after')}")
        case "done":
            lines.append(f"    Note over {tool}F: ran{_length(own, 'function', 'for')}")
        case _:
            lines.append(f"    Note over {tool}F: not seen")
    if seen.get("Output written") == "done":
        lines.append(f"    {tool}F->>{tool}Q: reply out")
        lines.append(f"    {tool}Q->>{agent}: read{_length(own, 'wait', 'after', 'output')}")
    if seen.get("Run advanced") == "done":
        lines.append(f"    {agent}->>O: result")
    return lines


def _length(own: Sequence[Bar], kind: str, before: str, word: str = "") -> str:
    lengths = [bar.took_s for bar in own if bar.kind == kind and word in bar.name]
    if not lengths or any(length is None for length in lengths):
        return ""
    return f" {before} {seconds(sum(length or 0.0 for length in lengths))}".replace("<", "under ")


def _agent(passage: Passage, all_bars: Sequence[Bar], bars: dict[str, Bar]) -> str:
    """Return the connected agent that made the call; empty when it is not known."""
    bar = next((bar for bar in all_bars if bar.call == passage.call), None)
    while bar is not None and bar.call:
        bar = bars.get(bar.parent or "")
    if bar is None:
        return ""
    return bar.name.removeprefix("connected agent ").removesuffix(" (run)")


def _end(trace: Trace) -> str:
    match trace.state:
        case "answered":
            took = f" after {seconds(trace.took_s)}" if trace.took_s is not None else ""
            return f"    O->>P: answer{took}".replace("<", "under ")
        case "queued" | "working":
            return "    Note over P,O: still on its way"
    return f"    O--xP: {trace.state}"


def name_of(text: str) -> str:
    """Return *text* as Mermaid shows it and takes nothing for its own: other letters as their number, words broken."""
    flat = " ".join(safe.clean(text).split())[:LONGEST_NAME] or "without a name"
    return " ".join(_word(word) for word in flat.split(" "))


def _word(word: str) -> str:
    letters = [letter if letter in _PLAIN else f"#{ord(letter)};" for letter in word]
    if word.lower().strip("-_.,") in _WORDS:
        letters[0] = f"#{ord(word[0])};"
    return "".join(letters)
