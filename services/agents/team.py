"""TeamService: the orchestrator and its connected agents, kept for all questions or made for one."""

import itertools
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from services.agents.backend import Agent, AgentBackend, AgentDefinition
from services.agents.marks import LIVES, lives_s
from services.agents.plan import ORCHESTRATOR, TeamPlan, links_of, plan_team
from services.errors import ServiceError
from services.ids import new_id
from services.models import FunctionTool
from services.settings import Settings

log = logging.getLogger(__name__)
LOOK_AT_AGENTS = 1000
CLEANUP_DEADLINE_S = 20.0
FIRST_PAUSE_S = 0.2
Tags = dict[str, str]


class TeamService:
    """Threads share it.

    Agents carry metadata: `relaydeck` (pooled, per_query), `environment`, `role` (orchestrator, or the tool's name),
    `definition` (hash of what defines the team), `instance`, `links` (which agents an orchestrator is connected to),
    `made` (milliseconds since 1970) and `opid`; those made for one question also `lives_s` (see marks.py).
    Agents of other definitions are left alone: questions may be running on them. It does not create queues; health tells
    when one is missing.
    """

    def __init__(
        self,
        backend: AgentBackend,
        settings: Settings,
        catalogue: tuple[FunctionTool, ...],
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._backend, self._settings = backend, settings
        self._clock, self._sleep = clock, sleep
        self._plan: TeamPlan = plan_team(settings, catalogue)
        self._lock = threading.Lock()
        self._pool: tuple[Agent, ...] = ()
        self.refusal: ServiceError | None = None  # why the team could not be had when it was last wanted
        self._turn = itertools.count()
        self._leftovers_lock = threading.Lock()
        self._leftovers: list[str] = []

    @property
    def definition(self) -> str:
        """Return the hash of what defines the team."""
        return self._plan.hash

    @property
    def plan(self) -> TeamPlan:
        """Return what the present settings and catalogue make of the team."""
        return self._plan

    # Pooled ---------------------------------------------------------------------------------------

    def orchestrator(self) -> Agent:
        """Return an orchestrator of the pooled team, the instances in turn.

        Sends nothing while the team is known; else one request when it exists already, and a few to create it.
        Call forget() when a run says that its agent is gone.
        """
        pool = self._pool
        if not pool:
            with self._lock:  # the first question creates the team, the others wait for it
                if not self._pool:
                    try:
                        self._pool, self.refusal = self._ensure(), None
                    except ServiceError as error:
                        self.refusal = error
                        raise
                pool = self._pool
        return pool[next(self._turn) % len(pool)]

    def forget(self) -> None:
        """Look the team up again for the next question, and create what is missing of it."""
        with self._lock:
            self._pool = ()

    def standing(self) -> dict[str, Agent]:
        """Return the agents of the pooled team that exist now, by role (`orchestrator`, or the tool's name).

        Sends one request and creates nothing.
        """
        return {agent.metadata.get("role", ""): agent for agent in self._list_ours()}

    def _ensure(self) -> tuple[Agent, ...]:
        ours = self._list_ours()
        roles = [(tool.name, 0) for tool in self._plan.tools]
        definitions = dict(zip(roles, self._plan.members, strict=True))
        found, ours = self._complete(ours, definitions, links="")
        members = [found[role] for role in roles]
        leader = self._plan.orchestrator(members)
        leaders = {(ORCHESTRATOR, number): leader for number in range(self._settings.team_size)}
        found, _ = self._complete(ours, leaders, links=links_of(members))
        log.info("team.resolved", extra={"definition": self._plan.hash, "orchestrators": len(leaders)})
        return tuple(found[role] for role in leaders)

    def _complete(
        self, ours: list[Agent], wanted: dict[tuple[str, int], AgentDefinition], links: str
    ) -> tuple[dict[tuple[str, int], Agent], list[Agent]]:
        """Return an agent for each wanted role, and the list they were chosen from.

        Several processes may create the same role at once. Each looks again after creating; all of them choose the
        oldest, and whoever created another one deletes it.
        """
        mine: list[Agent] = []
        for (role, instance), definition in wanted.items():
            if _oldest(ours, role, instance, links) is None:
                tags = self._tags(
                    "pooled", role, instance=str(instance), definition=self._plan.hash, links=links
                )
                mine.append(self._backend.create_agent(definition, tags))
        if mine:
            ours = self._list_ours()
            ours = [agent for agent in mine if agent.id not in {other.id for other in ours}] + ours
        chosen = {key: agent for key in wanted if (agent := _oldest(ours, *key, links)) is not None}
        kept = {agent.id for agent in chosen.values()}
        self._delete([agent.id for agent in mine if agent.id not in kept])
        return chosen, ours

    def _list_ours(self) -> list[Agent]:
        wanted = {
            "relaydeck": "pooled",
            "environment": self._settings.environment,
            "definition": self._plan.hash,
        }
        return [
            agent
            for agent in self._backend.list_agents(LOOK_AT_AGENTS)
            if wanted.items() <= agent.metadata.items()
        ]

    # Per query ------------------------------------------------------------------------------------

    @contextmanager
    def per_query_team(self) -> Iterator[Agent]:
        """Yield the orchestrator of a team made for one question; delete the whole team afterwards, also on errors.

        Creates one agent per tool and the orchestrator. What cannot be deleted in time is logged, listed by
        leftovers(), and tried again after the next question.
        """
        made: list[Agent] = []
        team = new_id("team")  # finds what a lost reply may have created
        marks = {
            "definition": self._plan.hash,
            LIVES: lives_s(self._settings.answer_deadline_s, self._settings.call_deadline_s),
        }
        try:
            for tool, definition in zip(self._plan.tools, self._plan.members, strict=True):
                tags = self._tags("per_query", tool.name, team=team, **marks)
                made.append(self._backend.create_agent(definition, tags))
            leader = self._plan.orchestrator(made)
            tags = self._tags("per_query", ORCHESTRATOR, team=team, **marks)
            made.append(self._backend.create_agent(leader, tags))
            yield made[-1]
        finally:
            complete = len(made) == len(self._plan.tools) + 1
            known = [agent.id for agent in reversed(made)]
            self._delete(known if complete else known + self._strays(team, known))

    def _strays(self, team: str, known: list[str]) -> list[str]:
        try:
            agents = self._backend.list_agents(LOOK_AT_AGENTS)
        except ServiceError as error:
            log.error("agents.not_looked_up", extra={"team": team, "reason": str(error)})
            return []
        return [agent.id for agent in agents if agent.metadata.get("team") == team and agent.id not in known]

    def leftovers(self) -> tuple[str, ...]:
        """Return the ids of agents that should be gone and are not, as far as this process knows."""
        with self._leftovers_lock:
            return tuple(self._leftovers)

    # Both -----------------------------------------------------------------------------------------

    def _delete(self, agent_ids: list[str]) -> None:
        """Delete the agents, and those left over from before; try again with growing pauses for a bounded time."""
        with self._leftovers_lock:
            waiting, self._leftovers = [*agent_ids, *self._leftovers], []
        due_s, pause_s = self._clock() + CLEANUP_DEADLINE_S, FIRST_PAUSE_S
        while waiting:
            waiting = [agent_id for agent_id in waiting if not self._delete_one(agent_id)]
            if not waiting or self._clock() + pause_s > due_s:
                break
            self._sleep(pause_s)
            pause_s *= 2
        if waiting:
            log.error("agents.left_over", extra={"agents": waiting})
            with self._leftovers_lock:
                self._leftovers += waiting

    def _delete_one(self, agent_id: str) -> bool:
        try:
            self._backend.delete_agent(agent_id)
        except ServiceError as error:
            log.warning("agent.not_deleted", extra={"agent": agent_id, "reason": str(error)})
            return False
        return True

    def _tags(self, kind: str, role: str, **more: str) -> Tags:
        return {
            "relaydeck": kind,
            "environment": self._settings.environment,
            "role": role,
            "made": str(int(self._clock() * 1000)),
            "opid": new_id("op"),
            **{key: value for key, value in more.items() if value},
        }


def _oldest(agents: list[Agent], role: str, instance: int, links: str) -> Agent | None:
    """Return the agent that all processes agree on. *agents*: newest first, as the service lists them.

    Within one second the service's order decides and no clock of ours: who looks after creating then sees all that
    came before, however long their requests were on the way.
    """
    wanted = {"role": role, "instance": str(instance)}
    fitting = [
        agent
        for agent in agents
        if wanted.items() <= agent.metadata.items() and agent.metadata.get("links", "") == links
    ]
    return min(reversed(fitting), key=lambda agent: agent.created_at, default=None)
