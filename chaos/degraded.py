"""Every page while what it depends on fails, in every way, alone and in pairs: how long it takes, and what it says.

Each case has services of its own, which know nothing yet, so a page has nothing earlier to show. After that, each page is
visited while all is well, then again while one dependency is down: it must show the earlier state, and say of when. What it
does not measure: a browser, many viewers.
"""

import itertools
import random
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chaos.degraded_rig import FAULTS, OPERATIONS, SAYS, Rig, Screen, complaints, screens, until_well
from chaos.figure import Figure
from commands.stack import Control
from emulator.supervisor import LocalOptions, attach_or_start
from ui import context, view

RENDER_GOAL_S = 3.0
RECOVERY_GOAL_S = 20.0  # a breaker leaves the dependency alone for up to 18 s
RECOVERY_LIMIT_S = 40.0
RECOVERY_EVERY = 4
Case = tuple[tuple[str, str], ...]
AGE = re.compile(r"read (at \d|just now|\d+ (s|min|h) ago)")


@dataclass
class Tally:
    """What was seen. *wrong*: in words, with the case."""

    renders: int = 0
    late: int = 0
    slowest_s: float = 0.0
    slowest: str = ""
    wrong: list[str] = field(default_factory=list)

    def take(self, name: str, took_s: float, found: Sequence[str]) -> None:
        self.renders += 1
        self.late += took_s > RENDER_GOAL_S
        if took_s > self.slowest_s:
            self.slowest_s, self.slowest = took_s, name
        self.wrong += [f"{name} {words}" for words in found]


def cases(size: int, seed: int) -> list[Case]:
    """Return every dependency failing in every way, and every pair of them down; at most *size*, drawn by *seed*; 0: all."""
    alone: list[Case] = [((one, fault),) for one in OPERATIONS for fault in FAULTS]
    pairs: list[Case] = [
        tuple((one, "down") for one in pair) for pair in itertools.combinations(OPERATIONS, 2)
    ]
    found = [*alone, *pairs]
    random.Random(seed).shuffle(found)
    return found[:size] if size else found


def run(size: int, seed: int) -> Iterator[Figure]:
    """Yield the figures of at most *size* cases on every page; 0: of all of them, which takes about a quarter of an hour."""
    with tempfile.TemporaryDirectory() as folder:
        azure = attach_or_start(LocalOptions(Path(folder) / "state"))
        try:
            yield from measure(Rig(Control(azure)), cases(size, seed), seed)
        finally:
            azure.stop()


def measure(rig: Rig, chosen: Sequence[Case], seed: int) -> Iterator[Figure]:
    world = rig.settle()
    order = random.Random(seed)
    cold, earlier, recoveries = Tally(), Tally(), Recoveries()
    for case in chosen:
        shown = list(screens(world))
        order.shuffle(shown)  # whoever comes first waits longest
        visit_cold(rig, case, shown, cold, recoveries)
    for dependency in dict.fromkeys(one for case in chosen for one, _ in case):
        visit_again(rig, dependency, world, earlier)
    about = {"seed": seed, "cases": len(chosen)}
    worst_s = max(cold.slowest_s, earlier.slowest_s)
    late = cold.late + earlier.late
    yield Figure(
        "degraded.slowest_page",
        worst_s,
        RENDER_GOAL_S,
        "s",
        worst_s <= RENDER_GOAL_S,
        {**about, "renders": cold.renders + earlier.renders, "late": late, "page": cold.slowest},
    )
    yield _none("degraded.wrong_pages", cold, about)
    yield _none("degraded.earlier_state_unsaid", earlier, about)
    slowest_s = max(recoveries.seconds, default=0.0)
    yield Figure(
        "degraded.slowest_recovery",
        slowest_s,
        RECOVERY_GOAL_S,
        "s",
        slowest_s <= RECOVERY_GOAL_S and not recoveries.never,
        {**about, "recoveries": len(recoveries.seconds), "never": recoveries.never},
    )


@dataclass
class Recoveries:
    seconds: list[float] = field(default_factory=list)
    never: list[str] = field(default_factory=list)
    seen: int = 0

    def is_next(self) -> bool:
        """Whether the recovery from this case is waited for: that of every fourth is, for it takes long."""
        self.seen += 1
        return self.seen % RECOVERY_EVERY == 1


def visit_cold(rig: Rig, case: Case, shown: Sequence[Screen], tally: Tally, recoveries: Recoveries) -> None:
    """Visit every page while *case* lasts; then wait for one that it hit to come right by itself."""
    broken = frozenset(one for one, fault in case if fault != "slow")  # what is slow does answer, if late
    name = " + ".join(f"{one} {fault}" for one, fault in case)
    with rig.fresh():
        hit = None
        with rig.failing(*case):
            for screen in shown:
                at, seen = rig.open(screen)
                tally.take(f"{screen.name} [{name}]", seen.took_s, complaints(screen, seen, broken))
                if screen.needs & broken:
                    hit = screen, at
        if hit is None or not recoveries.is_next():
            return
        screen, at = hit
        took_s = until_well(
            at,
            lambda seen: not complaints(screen, seen, frozenset()) and is_well(seen.words),
            RECOVERY_LIMIT_S,
        )
        if took_s is None:
            recoveries.never.append(f"{screen.name} [{name}]")
        else:
            recoveries.seconds.append(took_s)


def is_well(words: str) -> bool:
    """Whether nothing on the page speaks of a failure or of an earlier state any more."""
    said = ("Failing since", "While trying to", "has not come yet", "is shown as read at", "cannot be now")
    return not any(one in words for one in said)


def visit_again(rig: Rig, dependency: str, world: Mapping[str, str], tally: Tally) -> None:
    """Visit what needs *dependency* while all is well, and again while it is down."""
    shown = [screen for screen in screens(world) if dependency in screen.needs]
    before, view.RETURN_S = view.RETURN_S, 0.0
    try:
        with rig.fresh():
            pages = [(screen, rig.open(screen)[0]) for screen in shown]
            forget(world)
            with rig.failing((dependency, "down")):
                for screen, _ in pages:
                    _, seen = rig.open(screen)
                    found = (
                        []
                        if AGE.search(seen.words) or any(one in seen.words for one in SAYS)
                        else ["does not say of when it is"]
                    )
                    found += [
                        one
                        for one in complaints(screen, seen, frozenset())
                        if "frame" in one or "says" in one
                    ]
                    tally.take(f"{screen.name} [{dependency} down, seen before]", seen.took_s, found)
    finally:
        view.RETURN_S = before


def forget(world: Mapping[str, str]) -> None:
    """Have everything that is kept read anew when it is drawn next."""
    for kept in (context.traces(), context.peeks(), context.agent_definitions(), context.diagnoses()):
        kept.clear_all()
    context.forget(world["thread"])
    context.forget_depths()


def _none(name: str, tally: Tally, about: Mapping[str, object]) -> Figure:
    wrong = len(tally.wrong)
    return Figure(
        name, wrong, 0, "pages", not wrong, {**about, "renders": tally.renders, "wrong": tally.wrong[:20]}
    )
