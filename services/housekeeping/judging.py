"""Which agents and threads are nobody's. Pure: decides on what was read, sends nothing.

Ours is what carries our tag and our environment. Everything else is at most reported.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.agents.backend import Agent, Run, Thread
from services.agents.marks import ENVIRONMENT, KEEP, KIND, alive_until
from services.housekeeping.findings import Finding
from services.models import PeekedMessage

GRACE = timedelta(
    minutes=10
)  # what is younger may be about to be used, by another process or by a slow clock
IDLE = timedelta(hours=24)  # an older team that ran within it belongs to a replica of an older version
EXPIRES_SOON = timedelta(hours=24)
TITLE = "title"


@dataclass(frozen=True, slots=True)
class Uses:
    """Which agents runs were seen on. *open*: by agents whose run is open. *complete*: every thread was looked at."""

    last: Mapping[str, datetime] = field(default_factory=dict)
    open: frozenset[str] = frozenset()
    complete: bool = False


@dataclass(frozen=True, slots=True)
class Home:
    """Who judges, and when. *definition*: the hash of the team in use. *retention*: None keeps conversations for ever."""

    environment: str
    definition: str
    now: datetime
    retention: timedelta | None = None

    def owns(self, metadata: Mapping[str, str]) -> bool:
        """Whether *metadata* carries our tag and our environment, and nobody has marked it to be kept."""
        ours = metadata.get(KIND, "") in ("pooled", "per_query") and not metadata.get(KEEP)
        return ours and metadata.get(ENVIRONMENT, "") == self.environment


def crashed(things: Iterable[Agent | Thread], home: Home) -> Iterator[Finding]:
    """Yield what was made for one answer whose process is certainly gone, other environments' as foreign."""
    for thing in things:
        if thing.metadata.get(KIND) != "per_query" or thing.metadata.get(KEEP):
            continue
        over = alive_until(thing.created_at, thing.metadata)
        if over >= home.now:
            continue
        is_agent = isinstance(thing, Agent)
        ours = home.owns(thing.metadata)
        yield Finding(
            "crashed-answer",
            "agent" if is_agent else "thread",
            thing.id,
            thing.name if isinstance(thing, Agent) else thing.metadata.get(TITLE, ""),
            "Made for one answer; its process ended before it could delete it"
            + (
                "."
                if ours
                else f". It belongs to environment {thing.metadata.get(ENVIRONMENT) or 'without a name'}."
            ),
            thing.created_at,
            thing.metadata.get(ENVIRONMENT, ""),
            ours=ours,
            sweepable=ours and over + GRACE < home.now,
            leads=isinstance(thing, Agent) and bool(thing.connects_to),
            metadata=thing.metadata,
        )


def is_old_team(agent: Agent, home: Home) -> bool:
    """Whether *agent* is a pooled one of ours, of another definition than the one in use."""
    return (
        home.owns(agent.metadata)
        and agent.metadata.get(KIND) == "pooled"
        and agent.metadata.get("definition", "") != home.definition
    )


def old_teams(agents: Sequence[Agent], uses: Uses, home: Home) -> Iterator[Finding]:
    """Yield the pooled agents of older definitions on which nothing runs.

    A connected agent is in use when one that connects to it is. Where not every thread was looked at, nothing is
    known to be unused, and nothing is yielded.
    """
    if not uses.complete:
        return
    leaders: dict[str, list[Agent]] = {}
    for agent in agents:
        for other in agent.connects_to:
            leaders.setdefault(other, []).append(agent)
    for agent in agents:
        if not is_old_team(agent, home):
            continue
        users = [agent, *leaders.get(agent.id, [])]
        if any(user.id in uses.open for user in users) or agent.created_at + GRACE > home.now:
            continue
        if any(not is_old_team(user, home) for user in users):
            continue  # somebody's else, or a team in use, is connected to it
        last = max((seen for user in users if (seen := uses.last.get(user.id))), default=None)
        idle_since = max(filter(None, [last, agent.created_at]))
        used = f"last used {last:%Y-%m-%d %H:%M} UTC" if last else "no run of it is left"
        yield _agent(
            "old-team",
            agent,
            f"Of an older definition of the team; nothing runs on it; {used}.",
            sweepable=idle_since + IDLE < home.now,
        )


def unlinked(agents: Sequence[Agent], home: Home) -> Iterator[Finding]:
    """Yield the pooled agents of the definition in use that no process can choose any more.

    Of those with the same role all processes choose the oldest, so a younger one that nobody is connected to is
    nobody's; so is an orchestrator whose connected agents are gone.
    """
    there = {agent.id for agent in agents}
    linked = {other for agent in agents for other in agent.connects_to}
    mine = [
        agent
        for agent in agents
        if home.owns(agent.metadata)
        and agent.metadata.get(KIND) == "pooled"
        and agent.metadata.get("definition", "") == home.definition
    ]
    chosen = _chosen(mine)
    for agent in mine:
        if agent.created_at + GRACE > home.now or agent.id in linked:
            continue
        if any(other not in there for other in agent.connects_to):
            reason = "An agent that it is connected to does not exist any more, so no question reaches it."
        elif agent.id not in chosen:
            reason = "No orchestrator is connected to it, and an older one with the same role is in use."
        else:
            continue
        yield _agent("unlinked-agent", agent, reason, sweepable=True)


def is_past(thread: Thread, home: Home) -> bool:
    """Whether *thread* is a conversation of ours that began before the retention."""
    return (
        home.retention is not None
        and home.owns(thread.metadata)
        and thread.metadata.get(KIND) == "pooled"
        and thread.created_at + home.retention < home.now
    )


def last_activity(thread: Thread, newest: Run | None) -> datetime:
    """Return when something happened in *thread* last. *newest*: its latest run; None when it has none."""
    ended = (newest.completed_at or newest.created_at) if newest else thread.created_at
    return max(thread.created_at, ended)


def old_thread(thread: Thread, newest: Run | None, is_open: bool, home: Home) -> Finding | None:
    """Return the finding for a thread that is_past(), None when something happened in it since.

    *newest*: its latest run; None when it has none.
    """
    assert home.retention is not None
    last = last_activity(thread, newest)
    if is_open or last + home.retention >= home.now:
        return None
    days = (home.now - last).days
    kept = home.retention.total_seconds() / 86_400
    return Finding(
        "old-thread",
        "thread",
        thread.id,
        thread.metadata.get(TITLE, ""),
        f"Nothing happened in it for {days:,} days; conversations are kept for {kept:g}.",
        thread.created_at,
        thread.metadata.get(ENVIRONMENT, ""),
        ours=True,
        sweepable=True,
        metadata=thread.metadata,
    )


def loose_queues(
    names: Sequence[str], named: Collection[str], counts: Mapping[str, int]
) -> Iterator[Finding]:
    """Yield the queues that no tool of ours and no agent of the project names; a `-poison` queue follows its source."""
    for name in names:
        if name.removesuffix("-poison") not in named and name not in named:
            yield Finding(
                "loose-queue",
                "queue",
                name,
                name,
                "No tool names it. It may belong to something else: only an administrator can have it deleted.",
                None,
                count=counts.get(name),
            )


def expiring(queue: str, messages: Sequence[PeekedMessage], now: datetime) -> Finding | None:
    """Return the finding for a queue whose first messages expire within a day; None when none does."""
    soon = [one for one in messages if one.expires_at is not None and one.expires_at - EXPIRES_SOON < now]
    if not soon:
        return None
    first = min(one.expires_at for one in soon if one.expires_at is not None)
    return Finding(
        "expiring-message",
        "message",
        queue,
        queue,
        f"The first expires {first:%Y-%m-%d %H:%M} UTC; with it goes what it says of a failure.",
        min((one.inserted_at for one in soon if one.inserted_at is not None), default=None),
        count=len(soon),
    )


def _chosen(mine: Sequence[Agent]) -> frozenset[str]:
    """Return the ids of those that a process which looks now would choose: the oldest of each role. Newest first."""
    oldest: dict[tuple[str, str, str], Agent] = {}
    for agent in reversed(mine):
        key = (
            agent.metadata.get("role", ""),
            agent.metadata.get("instance", "0"),
            agent.metadata.get("links", ""),
        )
        if key not in oldest or agent.created_at < oldest[key].created_at:
            oldest[key] = agent
    return frozenset(agent.id for agent in oldest.values())


def _agent(kind: str, agent: Agent, reason: str, *, sweepable: bool) -> Finding:
    return Finding(
        kind,  # type: ignore[arg-type]  # one of two literals
        "agent",
        agent.id,
        agent.name,
        reason,
        agent.created_at,
        agent.metadata.get(ENVIRONMENT, ""),
        ours=True,
        sweepable=sweepable,
        leads=bool(agent.connects_to),
        metadata=agent.metadata,
    )
