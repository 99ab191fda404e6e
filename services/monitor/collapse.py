"""Traces that nobody could read bar by bar, made short: what each agent did, by kind. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from services.monitor.shapes import Bar, BarKind, weaker

MOST_BARS = 500
_WORDS: dict[BarKind, str] = {
    "run": "calls and runs",
    "model": "model turns",
    "wait": "queue waits",
    "function": "function executions",
}


def collapsed(bars: Sequence[Bar], most: int = MOST_BARS) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
    """Return at most *most* bars and a note that says so; *bars* as they are, without a note, when they fit.

    First all that lies below one agent becomes one bar for each kind; then agents of the same name become one. What
    is still too much is left out.
    """
    if len(bars) <= most:
        return tuple(bars), ()
    shown = _by_agent(bars)
    if len(shown) > most:
        shown = _by_agent(_agents_by_name(shown))
    note = f"{len(bars):,} spans, collapsed by agent and kind into {len(shown):,} bars; Raw has each of them."
    if len(shown) > most:
        note += f" The first {most:,} bars are drawn."
    return shown[:most], (note,)


def _is_agent(bar: Bar) -> bool:
    return bar.kind == "run" and not bar.call


def _by_agent(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    by_key = {bar.key: bar for bar in bars}
    kept = [bar for bar in bars if _is_agent(bar)]
    groups: dict[tuple[str | None, BarKind], list[Bar]] = {}
    for bar in bars:
        if not _is_agent(bar):
            groups.setdefault((_agent_of(bar, by_key), bar.kind), []).append(bar)
    return (*kept, *(_merged(found, parent) for (parent, _), found in groups.items()))


def _agent_of(bar: Bar, by_key: dict[str, Bar]) -> str | None:
    seen: set[str] = set()
    while (parent := by_key.get(bar.parent or "")) is not None and parent.key not in seen:
        if _is_agent(parent):
            return parent.key
        seen.add(parent.key)
        bar = parent
    return None


def _agents_by_name(bars: Sequence[Bar]) -> tuple[Bar, ...]:
    """Return *bars* with sibling agents of the same name as one, and their children moved below it."""
    groups: dict[tuple[str | None, str], list[Bar]] = {}
    for bar in bars:
        if _is_agent(bar):
            groups.setdefault((bar.parent, bar.name), []).append(bar)
    homes: dict[str, str] = {}
    merged: dict[str, Bar] = {}
    for (parent, name), found in groups.items():
        one = (
            found[0] if len(found) == 1 else replace(_merged(found, parent), name=f"{name} × {len(found):,}")
        )
        merged[one.key] = one
        homes |= {bar.key: one.key for bar in found}
    rest = [bar for bar in bars if not _is_agent(bar)]
    return tuple(
        replace(bar, parent=homes.get(bar.parent or "", bar.parent)) for bar in (*merged.values(), *rest)
    )


def _merged(found: Sequence[Bar], parent: str | None) -> Bar:
    """Return one bar from the first beginning to the last known end of *found*."""
    if len(found) == 1:
        return replace(found[0], parent=parent)
    first = min(found, key=lambda bar: bar.started_s)
    ends_s = [bar.started_s + bar.took_s for bar in found if bar.took_s is not None]
    failed = sum(bar.state == "failed" for bar in found)
    certainty = found[0].certainty
    for bar in found:
        certainty = weaker(certainty, bar.certainty)
    longest_s = max((bar.took_s for bar in found if bar.took_s is not None), default=None)
    told = [f"{len(found):,} spans, from the first beginning to the last end"]
    told += [f"the longest took {longest_s:.1f} s"] if longest_s is not None else []
    told += [f"{failed:,} failed"] if failed else []
    return Bar(
        f"group:{first.key}:{first.kind}",
        parent,
        first.kind,
        f"{len(found):,} {_WORDS[first.kind]}",
        first.started_s,
        max(ends_s) - first.started_s if ends_s else None,
        "failed" if failed else "done",
        certainty,
        "; ".join(told) + ".",
    )
