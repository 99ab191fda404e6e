"""Restores agents: those that others are connected to first."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from services.agents.backend import Agent, AgentBackend
from services.backup.mapping import Addresses, Wanted, agent_request, connected_to
from services.backup.models import Json, Outcome
from services.backup.patience import Patience, in_order
from services.backup.records import text_of
from services.backup.trouble import LOOK_BACK, PASSED_OVER, reason_of

CIRCLE = "its connections lead into a circle of agents, none of which can be the first"
OUTDATED = "it is still connected to {old}, which is {new} now: connect it anew"


class AgentRestorer:
    """*new_ids*: old ids with the new ones of what a former attempt has restored; grows."""

    def __init__(
        self,
        backend: AgentBackend,
        patiently: Patience,
        backup_id: str,
        addresses: Addresses,
        new_ids: dict[str, str],
        *,
        dry_run: bool,
    ) -> None:
        self._backend, self._patiently = backend, patiently
        self._backup_id, self._addresses = backup_id, addresses
        self.new_ids, self._dry_run = new_ids, dry_run

    def restore(self, agents: Callable[[], Iterable[Json]]) -> Iterator[Outcome]:
        """Yield what became of each agent. *agents*: gives them anew; gone through once for each level of connections.

        Raises AccessDenied, Throttled and Unavailable: what was restored stays, and a new attempt goes on from there.
        """
        needs = {str(one["id"]): set(connected_to(one)) for one in agents()}
        ended: dict[str, Outcome] = {}
        while len(ended) < len(needs):
            settled = set(ended)
            ready = {old for old in needs if old not in settled and not (needs[old] & needs.keys()) - settled}
            if not ready:
                break
            failed = {old for old, outcome in ended.items() if outcome.state == "failed"}
            wanted = (one for one in agents() if str(one["id"]) in ready)
            for outcome in in_order(partial(self._restore, failed=failed), wanted, self._patiently):
                ended[outcome.old_id] = outcome
                if outcome.new_id:
                    self.new_ids[outcome.old_id] = outcome.new_id
                yield outcome
        for one in agents():
            if (old := str(one["id"])) not in ended:
                yield self._restore(one, set()) if self.new_ids.get(old) else self._failed(one, CIRCLE)

    def _restore(self, agent: Json, failed: set[str]) -> Outcome:
        old, name = str(agent["id"]), text_of(agent, "name")
        if known := self.new_ids.get(old):
            return Outcome("agent", old, known, name, "present", notes=self._outdated(agent, known))
        if missing := [one for one in connected_to(agent) if one in failed]:
            return self._failed(
                agent, f"it is connected to {', '.join(missing)}, which could not be restored"
            )
        wanted = agent_request(agent, self._backup_id, self.new_ids, self._addresses)
        if self._dry_run:
            self.new_ids.setdefault(old, "")
            return Outcome("agent", old, "", name, "planned", notes=wanted.lost)
        try:
            made = self._patiently(lambda: self._create(wanted), lambda: self._made(wanted.opid))
        except PASSED_OVER as error:
            return self._failed(agent, reason_of(error))
        return Outcome("agent", old, made.id, name, "created", notes=wanted.lost)

    def _outdated(self, agent: Json, known: str) -> tuple[str, ...]:
        """Return which connections of an agent that was never lost lead to agents that were, and have new ids."""
        if known != agent["id"]:
            return ()
        moved = ((one, self.new_ids.get(one, one)) for one in connected_to(agent))
        return tuple(OUTDATED.format(old=old, new=new) for old, new in moved if new and new != old)

    def _create(self, wanted: Wanted) -> Agent:
        return self._backend.create_agent_from(wanted.body, wanted.metadata)

    def _made(self, opid: str) -> Agent | None:
        newest = self._backend.list_agents(LOOK_BACK)
        return next((agent for agent in newest if agent.metadata.get("opid") == opid), None)

    @staticmethod
    def _failed(agent: Json, reason: str) -> Outcome:
        return Outcome("agent", str(agent["id"]), "", text_of(agent, "name"), "failed", reason)
