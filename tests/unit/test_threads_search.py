"""Which threads are found, in what order, and what a foreign address may ask for."""

from datetime import UTC, datetime, timedelta

import pytest

from services.inventory.threads_budget import CallBudget
from services.inventory.threads_records import ChildLink, RunInfo, ThreadInfo, shortened, worst_of
from services.inventory.threads_search import SORTS, ThreadQuery, agents_of, search
from ui.threads_filters import parse

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


def run(state: str = "completed", agent: str = "asst_1", children: tuple[ChildLink, ...] = ()) -> RunInfo:
    return RunInfo(f"run_{state}", agent, state, NOW, NOW, NOW, NOW, 10, True, children)


def thread(name: str, *runs: RunInfo, days: float = 0.0, **more: object) -> ThreadInfo:
    made = NOW - timedelta(days=days)
    known: dict[str, object] = {
        "question": f"About {name}",
        "runs": runs,
        "worst": worst_of(one.state for one in runs),
    }
    known |= {"ours": True, "active_s": made.timestamp()}
    return ThreadInfo(name, made, **{**known, **more})  # type: ignore[arg-type]  # fields by name


A = thread("a", run(), days=3, turns=1, tokens=10)
B = thread("b", run("failed"), run(), days=1, turns=2, ours=False)
C = thread("c", run(agent="asst_2"), days=2, turns=9, tokens=90, question="Straße <b>")
UNREAD = ThreadInfo("unread", NOW, ours=False, active_s=NOW.timestamp())
EVERY = (A, B, C, UNREAD)
PARENTS = {"c": ("a", "run_completed")}


def found(query: ThreadQuery) -> list[str]:
    return search(EVERY, query, PARENTS, {"asst_1": "clerk"}, NOW)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ThreadQuery(), ["unread", "b", "a"]),
        (ThreadQuery(kind="children"), ["c"]),
        (ThreadQuery(kind="all", sort="quiet"), ["a", "c", "b", "unread"]),
        (ThreadQuery(words="ABOUT B"), ["b"]),
        (ThreadQuery(words="STRASSE", kind="all"), ["c"]),
        (ThreadQuery(words="run_failed"), ["b"]),
        (ThreadQuery(states=("failed",)), ["b"]),
        (ThreadQuery(states=("none",)), []),
        (ThreadQuery(agent="clerk"), ["b", "a"]),
        (ThreadQuery(agent="asst_2", kind="all"), ["c"]),
        (ThreadQuery(owner="foreign"), ["unread", "b"]),
        (ThreadQuery(owner="ours", kind="all"), ["c", "a"]),
        (ThreadQuery(quiet_days=2, kind="all"), ["c", "a"]),
        (ThreadQuery(sort="worst"), ["b", "a", "unread"]),
        (ThreadQuery(sort="most-tokens", kind="all"), ["c", "a", "b", "unread"]),
        (ThreadQuery(sort="most-turns", kind="all"), ["c", "b", "a", "unread"]),
    ],
    ids=str,
)
def test_threads_are_found_and_ordered(query: ThreadQuery, expected: list[str]) -> None:
    assert found(query) == expected


def test_every_order_puts_what_is_not_known_last_or_says_what_it_goes_by() -> None:
    for name in SORTS:
        assert sorted(found(ThreadQuery(kind="all", sort=name))) == ["a", "b", "c", "unread"]


def test_a_bad_state_that_is_not_known_here_is_worse_than_a_good_one() -> None:
    assert worst_of(["completed", "exploded"]) == "exploded"
    assert worst_of(["exploded", "failed"]) == "failed"
    assert worst_of([]) == ""


def test_an_agent_without_a_name_is_shown_by_its_id_and_those_it_asked_follow() -> None:
    asked = thread("d", run(children=(ChildLink("t", "r", "stock_bot"),)))
    assert agents_of(asked, {}) == ("asst_1", "stock_bot")


def test_a_question_is_kept_short() -> None:
    """A question of 256 kB in each of 5,000 threads would be more than a gigabyte."""
    assert len(shortened("x" * 300_000)) == 160
    assert shortened("  two\n\twords ") == "two words"


@pytest.mark.parametrize("per_min", [10, 240, 60_000])
def test_a_budget_lets_through_what_it_says_and_no_more(per_min: int) -> None:
    budget, now_s, sent = CallBudget(per_min), 100.0, 0
    while now_s < 160.0:
        wait_s = budget.wait_s(now_s)
        if wait_s:
            now_s += wait_s
        else:
            budget.spend(now_s)
            sent += 1

    assert 0.85 * per_min <= sent <= per_min
    assert budget.spent(now_s + 61) == 0


def test_what_an_address_cannot_mean_is_left_out_and_told() -> None:
    wanted = parse(
        {
            "threads-status": "failed,nonsense",
            "threads-owner": "me",
            "threads-kind": "x",
            "threads-quiet": "-3",
            "threads-sort": "up",
            "threads-page": "0",
            "threads-text": "x" * 300,
            "threads-agent": "a\u0000b",
        }
    )

    assert wanted.query == ThreadQuery()
    assert wanted.page == 1
    assert len(wanted.problems) == 8


def test_what_an_address_says_is_what_is_asked_for() -> None:
    wanted = parse(
        {
            "threads-status": "failed,none",
            "threads-owner": "ours",
            "threads-kind": "all",
            "threads-quiet": "30",
            "threads-sort": "worst",
            "threads-page": "3",
            "threads-text": " <b>odd</b> ",
            "threads-agent": "clerk",
        },
        " thread_1 ",
    )

    assert wanted.problems == ()
    assert wanted.query == ThreadQuery("<b>odd</b>", ("failed", "none"), "clerk", "ours", "all", 30, "worst")
    assert (wanted.page, wanted.thread, wanted.is_filtered) == (3, "thread_1", True)
