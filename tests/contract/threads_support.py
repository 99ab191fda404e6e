"""What the tests of the index share: an index whose time and whose every request the test moves by hand."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from emulator.faults import Fault
from services.actions import Actions
from services.agents.classic import ClassicBackend
from services.inventory.threads import ThreadIndex
from services.inventory.threads_search import ThreadQuery
from services.inventory.threads_service import ThreadService
from services.inventory.threads_views import ThreadRow
from services.resilience import Limits, Resilience
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam
from tests.unit.conftest import Impatient

MARKS = {"environment": "local"}
OURS = {"relaydeck": "pooled", "environment": "local"}
ALL = ThreadQuery(kind="all")


@dataclass
class Desk:
    """*index* reads only when settle() or step() is called; *now_s* is its clock."""

    lab: Lab
    seam: Seam
    calls_per_min: int = 6_000
    now_s: float = 1_000.0
    hot: set[str] = field(default_factory=set)
    told: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        limits = Limits(call_retries=0, breaker_min_calls=20)
        backend = ClassicBackend(
            self.seam.clients.agents, Resilience("the Agent Service", limits, Impatient())
        )
        self.index = ThreadIndex(
            backend,
            MARKS,
            self.lab.emulator.clock.now,
            calls_per_min=self.calls_per_min,
            hot=self._hot,
            clock=lambda: self.now_s,
            readers=0,
        )
        self.service = ThreadService(
            self.seam.backend,
            self.index,
            Actions(lambda *what: self.told.append(what)),
            MARKS,
            self.lab.emulator.clock.now,
        )

    def step(self, seconds: float = 0.0) -> float:
        """Let *seconds* pass, then have the next request sent, if one is due; return how long to wait for it if not."""
        self.now_s += seconds
        return self.index.advance()

    def settle(self, seconds: float = 0.0, most: int = 2_000) -> None:
        """Let *seconds* pass and everything be read that is due then, as fast as the budget allows."""
        self.now_s += seconds
        self.index.status()
        until_s = self.now_s + 600.0
        for _ in range(most):
            wait_s = self.index.advance()
            if wait_s >= 0.5 or self.now_s > until_s:
                return
            self.now_s += wait_s
        raise AssertionError("the index does not come to rest")

    def rows(self, query: ThreadQuery = ALL) -> dict[str, ThreadRow]:
        return {row.thread.id: row for row in self.index.find(query, size=1_000).rows}

    def ids(self, query: ThreadQuery = ALL) -> list[str]:
        return [row.thread.id for row in self.index.find(query, size=1_000).rows]

    def ours(self, question: str, agent_id: str, **more: str) -> str:
        """Ask as Relaydeck does; return the thread's id once the run has ended."""
        thread = self.seam.backend.create_thread(
            {**OURS, "opid": f"op_{question}", "title": question, **more}
        )
        marks = {**OURS, "opid": f"op_run_{question}"}
        for _ in self.seam.backend.start_run(thread.id, agent_id, question, marks):
            pass
        return thread.id

    def fail(self, operation: str, **how: object) -> None:
        self.lab.emulator.fail(Fault(f"foundry.{operation}", **how))  # type: ignore[arg-type]  # Fault checks its values

    def asked(self, since: int = 0) -> list[str]:
        """Return what was asked of the Agent Service, without its prefix."""
        return [name.removeprefix("foundry.") for name in self.seam.asked(since)]

    def _hot(self) -> Iterable[str]:
        return tuple(self.hot)
