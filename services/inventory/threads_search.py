"""Which threads are wanted, in what order: decided in memory over all that is known."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Final, Literal

from services.inventory.threads_records import ThreadInfo, rank

Owner = Literal["", "ours", "foreign"]
Kind = Literal["conversations", "children", "all"]
Parents = Mapping[str, tuple[str, str]]
DAY_S: Final = 86_400
RUN_ID: Final = "run_"  # how ids of runs begin; all of them are looked at for nothing else
NOTHING: Final = -1  # what is not known comes after what is


@dataclass(frozen=True, slots=True)
class ThreadQuery:
    """What is empty lets all pass. *words*: looked for in ids and first questions. *states*: the worst of a thread's runs;
    `none`: it has no runs. *agent*: a name or an id, of the thread's runs or of those it delegated to. *quiet_days*:
    nothing happened in it for so long."""

    words: str = ""
    states: tuple[str, ...] = ()
    agent: str = ""
    owner: Owner = ""
    kind: Kind = "conversations"
    quiet_days: int = 0
    sort: str = "active"


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of threads. *words*: for a person. *key*: what is compared; *reverse*: largest first."""

    words: str
    key: Callable[[ThreadInfo], float]
    reverse: bool


def _count(value: int | None) -> float:
    return NOTHING if value is None else value


SORTS: Final[dict[str, Sort]] = {
    "active": Sort("Last activity, latest first", attrgetter("active_s"), True),
    "quiet": Sort("Last activity, earliest first", attrgetter("active_s"), False),
    "newest": Sort("Newest first", lambda one: one.created_at.timestamp(), True),
    "oldest": Sort("Oldest first", lambda one: one.created_at.timestamp(), False),
    "most-runs": Sort(
        "Most runs first", lambda one: _count(None if one.runs is None else len(one.runs)), True
    ),
    "most-turns": Sort("Most turns first", lambda one: _count(one.turns), True),
    "most-tokens": Sort("Most tokens first", lambda one: _count(one.tokens), True),
    "worst": Sort("Worst status first", lambda one: rank(one.worst), False),
}


def search(
    threads: Iterable[ThreadInfo],
    query: ThreadQuery,
    parents: Parents,
    names: Mapping[str, str],
    now: datetime,
) -> list[str]:
    """Return the ids of the threads that match, in the order wanted. No request."""
    wants_children = query.kind == "children"
    found = [one for one in threads if query.kind == "all" or (one.id in parents) == wants_children]
    if query != ThreadQuery(kind=query.kind, sort=query.sort):
        wanted = {agent_id for agent_id, name in names.items() if name == query.agent} | {query.agent}
        found = [one for one in found if _fits(one, query, wanted, now)]
    sort = SORTS.get(query.sort, SORTS["active"])
    found.sort(key=sort.key, reverse=sort.reverse)
    return [one.id for one in found]


def agents_of(thread: ThreadInfo, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the agents involved, by name where it is known: those of its runs, then those they delegated to."""
    own = [names.get(agent_id) or agent_id for agent_id in thread.agent_ids]
    return tuple(dict.fromkeys([*own, *(link.agent for link in thread.children if link.agent)]))


def _fits(one: ThreadInfo, query: ThreadQuery, agent_ids: set[str], now: datetime) -> bool:
    if query.owner and one.ours != (query.owner == "ours"):
        return False
    if query.states and (one.worst or ("none" if one.runs is not None else "")) not in query.states:
        return False
    if query.quiet_days and now.timestamp() - one.active_s < query.quiet_days * DAY_S:
        return False
    if query.agent and not _involves(one, query.agent, agent_ids):
        return False
    return not query.words or _holds(one, query.words.casefold())


def _involves(one: ThreadInfo, name: str, agent_ids: set[str]) -> bool:
    return any(
        run.agent_id in agent_ids or any(link.agent == name for link in run.children or ())
        for run in one.runs or ()
    )


def _holds(one: ThreadInfo, words: str) -> bool:
    if words in one.id.casefold() or words in (one.question or "").casefold():
        return True
    return words.startswith(RUN_ID) and any(words in run.id.casefold() for run in one.runs or ())
