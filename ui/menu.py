"""The pages there are, section by section. To add one: a file in pages/, and an entry here."""

from dataclasses import dataclass
from pathlib import Path

TABLE = "ReadOnlyGrid"
PAGES = Path(__file__).parent.parent / "pages"


@dataclass(frozen=True, slots=True)
class Screen:
    """A page of the menu. *file* lies in pages/; *default*: the one at the address without a path.

    *hidden*: reached by a link only. *bar*: the range of time and what belongs to it are drawn above the page.
    *parts*: the kinds of element it has beside those of the bar, by Streamlit's names; their scripts come with the page.
    """

    file: str
    title: str
    icon: str
    help: str
    default: bool = False
    wide: bool = False
    hidden: bool = False
    bar: bool = False
    parts: tuple[str, ...] = ()


MENU: dict[str, tuple[Screen, ...]] = {
    "Ask": (Screen("ask.py", "Ask", ":material/forum:", "Put a question and watch it travel", default=True),),
    "Watch": (
        Screen(
            "overview.py",
            "Overview",
            ":material/monitoring:",
            "Whether all is well now, and if not, where",
            wide=True,
            bar=True,
        ),
        Screen(
            "runs.py",
            "Runs",
            ":material/list_alt:",
            "Find a run, and see what they share",
            wide=True,
            bar=True,
            parts=(TABLE, "Pagination", "Multiselect"),
        ),
        Screen(
            "queues.py",
            "Queues",
            ":material/inbox:",
            "What waits, for how long, and what was given up on",
            wide=True,
            bar=True,
        ),
        Screen(
            "metrics.py",
            "Metrics",
            ":material/query_stats:",
            "Trends, tokens and cost, and what Azure itself measures",
            wide=True,
            bar=True,
            parts=(TABLE,),
        ),
        Screen("trace.py", "Trace", ":material/timeline:", "One answer, hop by hop", wide=True, hidden=True),
    ),
    "Inventory": (
        Screen(
            "agents.py",
            "Agents",
            ":material/smart_toy:",
            "Which agents there are, who calls whom, and what has drifted",
            wide=True,
            bar=True,
            parts=(TABLE, "Pagination"),
        ),
        Screen(
            "threads.py",
            "Threads",
            ":material/chat_bubble_outline:",
            "Every conversation, and what ran in it",
            wide=True,
            parts=(TABLE, "Pagination", "Multiselect"),
        ),
    ),
    "Care": (
        Screen(
            "doctor.py",
            "Doctor",
            ":material/stethoscope:",
            "What is wrong, and what to do about it",
            wide=True,
        ),
        Screen(
            "cleanup.py",
            "Clean-up",
            ":material/mop:",
            "What nobody needs any more, found and deleted",
            wide=True,
            parts=(TABLE, "NumberInput"),
        ),
        Screen(
            "audit.py",
            "Audit",
            ":material/policy:",
            "Who did what, when and on what, and whether that trail is whole",
            wide=True,
            bar=True,
            parts=(TABLE, "Multiselect"),
        ),
    ),
    "Show": (),
}


def link(file: str) -> str:
    """Return how a link names the page in *file*: relative names would be looked for beside the shell."""
    return str(PAGES / file)
