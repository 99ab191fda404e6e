"""The filters of the Threads page. The address is what counts: see ui/filter_bar.py."""

from collections.abc import Iterable

from services.inventory.threads_search import SORTS
from ui import filter_bar
from ui.filter_bar import FilterBar
from ui.threads_filters import FILTERS, KINDS, LONGEST_TEXT, MOST_DAYS, OWNERS, Wanted
from ui.threads_looks import STATES

IN_A_ROW = 5
BAR = FilterBar("threads", FILTERS, {"kind": "conversations", "sort": "active"})


def draw_filters(wanted: Wanted, agents: Iterable[str]) -> None:
    """Draw the filters, and what was wrong with those in the address. Sends nothing."""
    query = wanted.query
    with filter_bar.row(IN_A_ROW, "threads-filters"):
        BAR.draw_text("text", "Search", query.words, "Id or words of the question", LONGEST_TEXT)
        BAR.draw_several("status", "Worst status", query.states, list(STATES), lambda one: STATES[one].word)
        BAR.draw_name("agent", "Agent", query.agent, sorted(set(agents)))
        BAR.draw_choice("kind", "Kind", {str(kind): words for kind, words in KINDS.items()}, query.kind)
        more = BAR.more(sum(map(bool, (query.owner, query.quiet_days))))
        if more is not None:
            owners = {str(owner): words for owner, words in OWNERS.items() if owner}
            with more:
                BAR.draw_choice("owner", "Whose", owners, query.owner)
                BAR.draw_number("quiet", "Quiet for, days", query.quiet_days, most=MOST_DAYS, step=1)
    filter_bar.draw_problems(wanted.problems)


def draw_sort(sort: str) -> None:
    BAR.draw_sort({name: one.words for name, one in SORTS.items()}, sort)
