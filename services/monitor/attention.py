"""What needs somebody: from the queues and answers of now, and from what telemetry tells of the stretch. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from services.answers.narration import seconds
from services.models import Answer, HealthState, OpenRun, QueueDepth
from services.monitor.overview import Figures, share, whole
from services.monitor.results import Row

Severity = Literal["broken", "failing", "slow"]
Place = Literal["trace", "diagnosis", "queues", ""]
ORDER: tuple[Severity, ...] = ("broken", "failing", "slow")
MOST = 10
SUCCESS_TARGET = 0.95
FEW = 20  # of fewer answers, 5 % is less than one
DIAGNOSED: Mapping[str, str] = {"diagnose": "yes"}
UNNAMED = "Answers failed without a stated reason"


@dataclass(frozen=True, slots=True)
class Concern:
    """*what* and *evidence* may hold text of others: draw them as such. *since*: None when nobody knows.

    *place* and *target*: where to look, and the parameters of that page's address. *weight*: how many it touches.
    """

    severity: Severity
    what: str
    evidence: str
    since: datetime | None = None
    place: Place = ""
    target: Mapping[str, str] = field(default_factory=dict)
    weight: float = 1.0


def concerns_of_queues(depths: Sequence[QueueDepth], at: datetime, slo_s: float) -> list[Concern]:
    """Return poison, queues that nobody reads, and messages that wait longer than an answer may take."""
    found = []
    for depth in depths:
        since = None if depth.oldest_age_s is None else at - timedelta(seconds=depth.oldest_age_s)
        target = {"queue": depth.name}
        waiting = _counted(depth.messages, "message")
        if depth.state == "poison":
            what = f"{waiting} given up on in {depth.name}"
            told = "The Functions host tried each until it gave up; nothing runs them again by itself."
            found.append(
                Concern("broken", what, told, since, "queues", {"poison": depth.name}, depth.messages)
            )
        elif depth.oldest_age_s is None:
            continue
        elif depth.state == "stalled":
            what = f"Nobody reads {depth.name}"
            told = f"{waiting}, the oldest for {seconds(depth.oldest_age_s)}."
            found.append(Concern("broken", what, told, since, "queues", target, depth.messages))
        elif depth.oldest_age_s > slo_s:
            what = f"Messages wait long in {depth.name}"
            told = f"{waiting}, the oldest for {seconds(depth.oldest_age_s)}; a whole answer may take {slo_s:g} s."
            found.append(Concern("slow", what, told, since, "queues", target, depth.messages))
    return found


def concerns_of_open(answers: Sequence[Answer], now: datetime, slo_s: float, stuck_s: float) -> list[Concern]:
    """Return the answers under way for longer than *stuck_s*, and those for longer than *slo_s*, a line for each kind."""
    late = sorted(
        ((age_s, answer) for answer in answers if (age_s := open_for_s(answer, now)) is not None),
        key=lambda one: -one[0],
    )
    stuck = [one for one in late if one[0] > stuck_s]
    slow = [one for one in late if slo_s < one[0] <= stuck_s]
    return [
        *_open_concern("broken", stuck, "stuck", f"no function may be silent for {stuck_s:g} s"),
        *_open_concern("slow", slow, "late", f"an answer may take {slo_s:g} s"),
    ]


def open_for_s(answer: Answer, now: datetime) -> float | None:
    """Return how long *answer* has been under way; None when it is final, or nobody knows when it was asked."""
    if answer.state not in ("queued", "working") or answer.asked_at is None:
        return None
    return max(0.0, (now - answer.asked_at).total_seconds())


def _open_concern(
    severity: Severity, late: Sequence[tuple[float, Answer]], word: str, limit: str
) -> list[Concern]:
    if not late:
        return []
    age_s, oldest = late[0]
    step = next((one.name for one in reversed(oldest.steps) if one.state == "active" and one.name), "")
    at = f", at {step}" if step else ", waiting for its turn" if oldest.state == "queued" else ""
    what = f"{_counted(len(late), 'open answer')} {'is' if len(late) == 1 else 'are'} {word}"
    told = f"Under way for {seconds(age_s)}{at}; {limit}."
    known = {"run": oldest.run_id, "thread": oldest.thread_id}
    target = {name: value for name, value in known.items() if value}
    if severity == "broken" and oldest.thread_id:
        return [
            Concern(severity, what, told, oldest.asked_at, "diagnosis", {**target, **DIAGNOSED}, len(late))
        ]
    if not oldest.run_id:
        target = {}
    return [Concern(severity, what, told, oldest.asked_at, "trace" if target else "", target, len(late))]


def concerns_of_runs(
    runs: Sequence[OpenRun], answers: Sequence[Answer], now: datetime, stuck_s: float
) -> list[Concern]:
    """Return the open runs of others that are stuck, in one line; *answers*: those told of already."""
    told = {run_id for answer in answers for run_id in (answer.run_id, *answer.child_run_ids)}
    late = [
        (age_s, run)
        for run in runs
        if run.run_id
        and run.run_id not in told
        and run.since is not None
        and (age_s := (now - run.since).total_seconds()) > stuck_s
    ]
    if not late:
        return []
    age_s, oldest = max(late, key=lambda one: one[0])
    what = f"{_counted(len(late), 'run')} of other programs {'is' if len(late) == 1 else 'are'} stuck"
    words = f"Under way for {seconds(age_s)}; no function may be silent for {stuck_s:g} s."
    target = {"run": oldest.run_id, "thread": oldest.thread_id, **DIAGNOSED}
    return [Concern("broken", what, words, oldest.since, "diagnosis", target, len(late))]


def concerns_of_failures(rows: Sequence[Row], figures: Figures) -> list[Concern]:
    """Return each problem of the stretch, with a run to look at; those that cost much of the success come first."""
    found = []
    for row in rows:
        count, title = whole(row["answers"]), str(row["problem_title"] or "").strip()
        newest = row["newest"] if isinstance(row["newest"], datetime) else None
        oldest = row["oldest"] if isinstance(row["oldest"], datetime) else None
        of = f" of {_counted(figures.answers, 'answer')}" if figures.answers >= count else ""
        told = f"{count:,}{of} {'expired' if row['outcome'] == 'expired' else 'failed'} this way."
        part = share(count, figures.answers)
        heavy = part is not None and part > 1 - SUCCESS_TARGET and figures.answers >= FEW
        run, thread = str(row["run_id"] or ""), str(row["thread_id"] or "")
        target = {name: value for name, value in (("run", run), ("thread", thread)) if value} if run else {}
        found.append(
            Concern(
                "broken" if heavy else "failing",
                title or UNNAMED,
                told,
                oldest or newest,
                "trace" if target else "",
                target,
                count,
            )
        )
    return found


def concerns_of_times(figures: Figures, slo_s: float) -> list[Concern]:
    """Return whether the slowest answers took longer than they may."""
    if figures.p95_s is None or figures.p95_s <= slo_s:
        return []
    what = f"Answers take too long: p95 is {seconds(figures.p95_s)}"
    told = f"An answer may take {slo_s:g} s."
    if figures.slowest_s is not None:
        told += f" The slowest of {figures.answers:,} took {seconds(figures.slowest_s)}."
    run = figures.slowest_run
    target = {"run": run, "thread": figures.slowest_thread} if run else {}
    return [Concern("slow", what, told, None, "trace" if run else "", target, figures.answers * 0.05)]


def concerns_of_telemetry(state: HealthState, told: str) -> list[Concern]:
    """Return whether the past, as shown, lacks what happened last."""
    if state not in ("degraded", "down"):
        return []
    return [Concern("failing", "Telemetry does not all arrive: the figures of the past lack some", told)]


def ordered(found: Sequence[Concern]) -> tuple[Concern, ...]:
    """Return at most 10, the gravest first, of those alike the one that touches most."""
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.severity), -one.weight))[:MOST])


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
