"""Bars from telemetry rows: the spans of a trace, and function executions that lost its context."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

from services.models import Certainty
from services.monitor.results import Row
from services.monitor.shapes import Bar, BarKind, weaker
from services.telemetry.records import DEMO

SKEW_S = 1.0  # beyond this, the clocks of two machines differ and not only their rounding
WINDOW = timedelta(seconds=30)
_RUNS = ("invoke_agent", "process_thread_run", "start_thread_run")
CORRELATION, HASH, INVOCATION, INSERTED = (
    "relaydeck.correlation_id",
    "relaydeck.argument_hash",
    "relaydeck.invocation.id",
    "relaydeck.inserted_at",
)
_TURNS = {"plan": "plans", "write": "writes the answer"}
INPUT_WAIT, OUTPUT_WAIT = "input queue: wait", "output queue: wait"


@dataclass(frozen=True, slots=True)
class Span:
    """A row, typed. *id* is unique within its trace, made up where the row has none."""

    id: str
    parent: str
    name: str
    at: datetime
    took_s: float | None
    failed: bool
    operation: str
    properties: Mapping[str, str]

    @property
    def kind(self) -> BarKind | None:
        """Return what it is on the way of an answer; None: something else."""
        if self.properties.get("relaydeck.hop", "").startswith("queue_wait"):
            return "wait"
        if INVOCATION in self.properties:
            return "function"
        match self.properties.get("gen_ai.operation.name", ""):
            case "chat":
                return "model"
            case "execute_tool":
                return "run"
            case name if name in _RUNS:
                return "run"
        return "run" if self.name == "answer" else None

    @property
    def is_call(self) -> bool:
        return self.properties.get("gen_ai.operation.name") == "execute_tool"

    @property
    def is_demo(self) -> bool:
        """Whether it was made up to have something to show."""
        return self.properties.get(DEMO) == "true"

    @property
    def tool(self) -> str:
        return self.properties.get("gen_ai.tool.name", "") or self.name.removeprefix("execute_tool ")


def spans_of(rows: Iterable[Row]) -> tuple[Span, ...]:
    """Return the rows as spans, oldest first, each once however often it was delivered; without a time it is left out."""
    found: dict[tuple[str, str], Span] = {}
    for number, row in enumerate(rows):
        at = row["TimeGenerated"]
        if not isinstance(at, datetime):
            continue
        took_ms = row["DurationMs"]
        span_id = str(row["Id"] or f"row-{number}")
        operation = str(row["OperationId"] or "")
        found.setdefault(
            (operation, span_id),
            Span(
                span_id,
                str(row["ParentId"] or ""),
                str(row["Name"] or "without a name"),
                at,
                float(took_ms) / 1000 if isinstance(took_ms, int | float) and took_ms >= 0 else None,
                row["Success"] is False,
                operation,
                cast("Mapping[str, str]", row["Properties"] or {}),
            ),
        )
    return tuple(sorted(found.values(), key=lambda span: span.at))


def link(call: Span, functions: Sequence[Span]) -> tuple[Span, Certainty, str] | None:
    """Return the function execution that *call* caused, how surely, and why; None when there is no candidate.

    exact: its CorrelationId names the call, or the message's. strong: the same tool and arguments, at that time.
    guess: the only execution of that tool at that time.
    """
    own = {call.properties.get("gen_ai.tool.call.id"), call.properties.get(CORRELATION)} - {None, ""}
    near = [one for one in functions if one.name == call.tool and _near(one, call)]
    for one in functions:
        if one.properties.get(CORRELATION) in own:
            return one, "exact", "CorrelationId names the call."
    wanted = call.properties.get(HASH)
    same = [one for one in near if wanted and one.properties.get(HASH) == wanted]
    if len(same) == 1:
        return same[0], "strong", "The same arguments, at the right time."
    if same:
        closest = min(same, key=lambda one: abs((one.at - call.at).total_seconds()))
        return closest, "guess", f"The closest of {len(same)} executions with the same arguments."
    unlike = [one for one in near if not (wanted and one.properties.get(HASH))]
    if len(unlike) == 1:
        return unlike[0], "guess", "The only execution of this function at that time."
    return None


def _near(one: Span, call: Span) -> bool:
    end = call.at + timedelta(seconds=call.took_s or 0.0)
    return call.at - WINDOW <= one.at <= end + WINDOW


def bars_of(
    spans: Sequence[Span], others: Sequence[Span], began_at: datetime
) -> tuple[tuple[Bar, ...], tuple[str, ...]]:
    """Return the bars of one trace, and notes. *others*: executions of functions around that time.

    A wait that has no span of its own is told from the spans around it: see services.monitor.waits.
    """
    notes: list[str] = []
    shown = [span for span in spans if span.kind is not None]
    calls = {span.id for span in shown if span.is_call}
    homes = homes_of(shown)
    bars = [_in_call(_at_home(_bar(span, began_at), homes), calls) for span in shown]
    taken = {span.id for span in shown if span.kind == "function"}
    parents = {homes.get(span.id, span.parent) for span in shown if span.kind == "function"}
    by_tool: dict[str, list[Span]] = {}
    for one in others:
        if one.id not in taken:
            by_tool.setdefault(one.name, []).append(one)
    for call in (span for span in shown if span.is_call and span.id not in parents):
        free = by_tool.get(call.tool, [])
        if (found := link(call, free)) is not None:
            span, certainty, why = found
            free.remove(span)
            bar = replace(_bar(span, began_at), parent=call.id, certainty=certainty, evidence=why)
            bars.append(replace(bar, call=call.id))
    return _without_skew(bars, notes), tuple(notes)


def _in_call(bar: Bar, calls: Container[str]) -> Bar:
    """Return *bar* marked with its call, when it is one or lies below one."""
    if bar.key in calls:
        return replace(bar, call=bar.key)
    return replace(bar, call=bar.parent) if bar.parent in calls and bar.parent else bar


def homes_of(shown: Sequence[Span]) -> dict[str, str]:
    """Return the call of each function that continues the trace but names another span as its parent.

    Nobody can tell a function the id of the call: it is made only when the call is over.
    """
    calls = [span for span in shown if span.is_call]
    ids = {call.id for call in calls}
    served = {span.parent for span in shown if span.kind == "function"} & ids
    loose: dict[str, list[Span]] = {}
    for span in shown:
        if span.kind == "function" and span.parent not in ids:
            loose.setdefault(span.name, []).append(span)
    homes: dict[str, str] = {}
    for call in calls:
        free = loose.get(call.tool, [])
        if call.id in served or (found := link(call, free)) is None:
            continue
        same = found[0].properties.get(CORRELATION)
        # A message that was delivered again has an execution for each delivery, all with its CorrelationId.
        mine = [one for one in free if one is found[0] or (same and one.properties.get(CORRELATION) == same)]
        homes |= dict.fromkeys((one.id for one in mine), call.id)
        loose[call.tool] = [one for one in free if one not in mine]
    return homes


def _at_home(bar: Bar, homes: Mapping[str, str]) -> Bar:
    if bar.key not in homes:
        return bar
    return replace(
        bar, parent=homes[bar.key], evidence=f"{bar.evidence} It names this call or its arguments."
    )


def _bar(span: Span, began_at: datetime) -> Bar:
    kind = span.kind or "run"
    # An answer's own mark says how well its parts are told apart, not how surely it is where it is.
    measured = "exact" if kind == "run" else span.properties.get("relaydeck.certainty", "exact")
    certainty = cast("Certainty", measured)
    deliveries = span.properties.get("relaydeck.dequeue_count", "")
    told = "Its own span, in the same trace."
    if kind == "wait":
        told = "Seen by looking into the queue while it waited."
    if deliveries.isdecimal() and int(deliveries) > 1:
        told += f" Delivery {deliveries} of this message."
    took_s = span.took_s
    if span.properties.get("relaydeck.timed") == "false":
        took_s, told = None, f"{told} Nobody saw it end."
    return Bar(
        span.id,
        span.parent or None,
        kind,
        _name(span),
        (span.at - began_at).total_seconds(),
        took_s,
        "failed" if span.failed else "done",
        certainty if certainty in ("exact", "strong", "guess") else "guess",
        told,
        span.properties.get("gen_ai.tool.call.arguments", ""),
        span.properties.get("gen_ai.tool.call.result", ""),
    )


def _name(span: Span) -> str:
    hop = span.properties.get("relaydeck.hop", "")
    if hop:
        return OUTPUT_WAIT if hop == "queue_wait_out" else INPUT_WAIT
    if span.kind == "function":
        return f"function {span.name}"
    if span.is_call:
        return f"call of {span.tool}"
    if span.kind == "model":
        turn = span.properties.get("relaydeck.turn", "")
        return f"model: {_TURNS.get(turn, turn)}" if turn else span.name
    if span.name == "answer":
        return "question → answer"
    return f"{span.properties.get('gen_ai.agent.name') or span.name} (run)"


def _without_skew(bars: Sequence[Bar], notes: list[str]) -> tuple[Bar, ...]:
    """Move function bars that another machine's clock has put outside of the call they belong to."""
    by_key = {bar.key: bar for bar in bars}
    found, most_s, moved = [], 0.0, 0
    for bar in bars:
        parent = by_key.get(bar.parent or "")
        if bar.kind == "function" and parent is not None and parent.took_s is not None:
            room_s = max(0.0, parent.took_s - (bar.took_s or 0.0))
            at_s = min(max(bar.started_s, parent.started_s), parent.started_s + room_s)
            off_s = bar.started_s - at_s
            if abs(off_s) > SKEW_S:
                most_s, moved = max(most_s, abs(off_s)), moved + 1
                told = f"{bar.evidence} Moved by {-off_s:+.1f} s: its clock differs."
                sure = weaker(bar.certainty, "strong")
                bar = replace(bar, started_s=at_s, evidence=told, certainty=sure)
        found.append(bar)
    if moved:
        which = (
            "its bar was moved into its call" if moved == 1 else f"{moved} bars were moved into their calls"
        )
        notes.append(f"The function app's clock differs by about {most_s:.1f} s; {which}.")
    return tuple(found)
