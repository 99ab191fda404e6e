"""Questions while every hop fails at random: none lost, nothing left behind, no effect twice, few extra requests.

The real AnswerService and the real SDKs; Local Azure and the Functions host are processes of their own. Every request to
Local Azure meets, by chance, one of: connection reset before or after its effect, 429 with a pause, 503 before or after
its effect, a reply that drips, a reply that ends half-way. That includes the agent service's own way to the queues, the
host's, telemetry, log queries and tokens. As many calls lie in their queue twice, and as many messages are handed out
twice. The tools leave a line whenever they work (chaos/effects.py).

What it does not measure: Azure's own rates of failure, a model that fails (its run then fails, and is shown as failed),
long outages (breaker, degraded), killed processes (kills).
"""

import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import runtime
from chaos.asking import Fate, Question, ask_all, questions, shares
from chaos.figure import Figure
from chaos.stand import Stand, everything, made_twice, stand
from services.errors import ServiceError
from services.monitor.results import Ask

RATE, HIGH_RATE, HIGH_SHARE = 0.05, 0.25, 0.2
AT_ONCE, CALM_MOST = 12, 600
AT_ONCE_HIGH = 32  # of these most wait for a message that a host has taken and never heard of
EXTRA_GOAL = 0.10
HOPS = ("foundry.*", "queues.*", "project.put_message", "project.get_messages", "monitor.*", "identity.*")
DOUBLED = ("project.put_message", "queues.get_messages")
PAUSE_MS, DRIP_S = 20, 0.0002
LOOKS = ("foundry.list_run_steps", "queues.peek_messages")  # come by the clock while a question waits
AHEAD = timedelta(days=1)
DRAIN_S = 120.0
LOOK_EVERY_S = 2.0
# What a question costs. Left out: what is sent by the clock and not for a question (polls of the host, health, telemetry).
COUNTED = (
    "foundry.",
    "queues.peek_messages",
    "queues.put_message",
    "queues.update_message",
    "queues.delete_message",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one bout of questions. *requests*: for each question, by operation."""

    fates: Sequence[Fate]
    requests: Mapping[str, float]
    met: Mapping[str, int]
    agents_left: int
    threads_left: int
    twice: int
    effects_twice: int
    effects_missing: int
    sweep_s: float
    took_s: float
    strangers: Mapping[str, int]
    redelivered: int

    @property
    def per_question(self) -> float:
        return sum(self.requests.values())

    def detail(self) -> dict[str, object]:
        return {
            "questions": len(self.fates),
            "ends": dict(shares(self.fates)),
            "per_second": round(len(self.fates) / self.took_s, 1),
            "faults_met": dict(self.met),
        }


def run(size: int, seed: int) -> Iterator[Figure]:
    """Ask *size* questions at 5 % of faults and a fifth as many at 25 %, and a sample without any to compare with."""
    calm = bout(min(size, CALM_MOST), 0.0, seed)
    say("calm", calm)
    some = bout(size, RATE, seed)
    say("5 %", some)
    yield from figures("questions.5pct", some, seed)
    yield extra(calm, some, seed)
    many = bout(max(1, round(size * HIGH_SHARE)), HIGH_RATE, seed + 1, AT_ONCE_HIGH)
    say("25 %", many)
    yield from figures("questions.25pct", many, seed + 1)


def figures(name: str, found: Outcome, seed: int) -> Iterator[Figure]:
    lost = [fate for fate in found.fates if not fate.is_shown]
    wrong = [fate for fate in found.fates if fate.is_wrong]
    detail = {"seed": seed, **found.detail()}
    yield none(
        f"{name}.lost", len(lost), "questions", {**detail, "lost": [one.question.text for one in lost[:5]]}
    )
    yield none(
        f"{name}.wrong",
        len(wrong),
        "answers",
        {"wrong": [one.answer and one.answer.text for one in wrong[:5]]},
    )
    yield none(f"{name}.agents_left", found.agents_left, "agents", {"sweep_s": round(found.sweep_s, 2)})
    yield none(f"{name}.threads_left", found.threads_left, "threads", {"sweep_s": round(found.sweep_s, 2)})
    yield none(
        f"{name}.effects_twice",
        found.effects_twice,
        "effects",
        {"answered_without": found.effects_missing, "delivered_again": found.redelivered},
    )
    yield none(f"{name}.made_twice", found.twice, "messages and runs", {})
    yield none(f"{name}.strange_errors", sum(found.strangers.values()), "errors", dict(found.strangers))


def none(name: str, value: int, unit: str, detail: Mapping[str, object]) -> Figure:
    return Figure(name, value, 0, unit, value == 0, detail)


def extra(calm: Outcome, some: Outcome, seed: int) -> Figure:
    """Return how many requests more a question costs than one that meets no fault."""
    share = some.per_question / calm.per_question - 1
    more = {
        name: round(some.requests.get(name, 0) - calm.requests.get(name, 0), 3)
        for name in sorted({*some.requests, *calm.requests})
    }
    detail: dict[str, object] = {
        "seed": seed,
        "calm": round(calm.per_question, 3),
        "more_of": {k: v for k, v in more.items() if v},
    }
    looks = sum(more.get(name, 0.0) for name in LOOKS)
    detail["without_looks"] = round(share - looks / calm.per_question, 4)
    return Figure(
        "questions.5pct.extra_requests", round(share, 4), EXTRA_GOAL, "share", share <= EXTRA_GOAL, detail
    )


def bout(count: int, rate: float, seed: int, at_once: int = AT_ONCE) -> Outcome:
    """Ask *count* questions on a Local Azure of its own while requests fail at *rate*; then clean up once, in peace."""
    wanted = questions(count, random.Random(seed))
    with tempfile.TemporaryDirectory() as folder, stand(Path(folder)) as place:
        with (
            place.services(busy(at_once), tell=True) as pooled,
            place.services({**busy(at_once), "team": "per_query"}) as alone,
        ):
            pooled.services.team.orchestrator()  # is there before the first question, as after every start
            pooled.services.telemetry.wait_ready(10.0)
            before = Counter(place.control.counts())
            double(place, rate or RATE, seed)
            if rate:
                weather(place, rate)
            began_s = time.monotonic()
            with looking(pooled) as strangers:
                fates = ask_all(wanted, pooled, alone, at_once)
            took_s = time.monotonic() - began_s
            for running in (pooled, alone):
                running.services.answers.drain(DRAIN_S)
            after = Counter(place.control.counts())
            met = place.control.met()
            place.control.clear_faults()
        return counted(place, wanted, fates, after - before, met, took_s, strangers)


def busy(at_once: int) -> dict[str, str]:
    return {"max_running": str(at_once), "max_waiting": "1000", "sweep": "off"}


def double(place: Stand, rate: float, seed: int) -> None:
    """Let messages be there twice, or be handed out twice: no request fails by that, so the calm bout has it too."""
    for operation in DOUBLED:
        place.control.fail(operation=operation, kind="duplicate", chance=rate, times=None, seed=seed)


def weather(place: Stand, rate: float) -> None:
    """Let every request of HOPS fail by chance."""
    for hop in HOPS:
        place.control.fail(
            operation=hop,
            kind="weather",
            chance=rate,
            times=None,
            headers={"x-ms-retry-after-ms": str(PAUSE_MS)},
            delay_s=DRIP_S,
        )


def counted(
    place: Stand,
    wanted: Sequence[Question],
    fates: Sequence[Fate],
    requests: Mapping[str, int],
    met: Mapping[str, int],
    took_s: float,
    strangers: Mapping[str, int],
) -> Outcome:
    with place.services(ahead=AHEAD) as later:
        began_s = time.monotonic()
        swept = later.services.sweeper.sweep()
        sweep_s = time.monotonic() - began_s
        assert swept.outcome in ("swept", "nothing"), swept
        agents, threads = everything(later)
        team = {agent.id for agent in later.services.team.standing().values()}
    kept = {fate.answer.thread_id for fate in fates if fate.answer is not None and not fate.question.alone}
    ours = [thread for thread in threads if thread.metadata.get("relaydeck")]
    effects = place.effects()
    answered = [fate.question for fate in fates if fate.is_answered and fate.question.has_effect]
    return Outcome(
        fates,
        {name: count / len(wanted) for name, count in sorted(requests.items()) if name.startswith(COUNTED)},
        met,
        len([agent for agent in agents if agent.id not in team]),
        len([thread for thread in ours if thread.id not in kept]),
        made_twice(place.state),
        sum(count - 1 for count in effects.values()),
        sum(effects[question.mark] == 0 for question in answered),
        sweep_s,
        took_s,
        strangers,
        (place.state / "logs" / "functions-host.log").read_text().count("outcome=repeated"),
    )


class looking:  # noqa: N801 - used like a function
    """Looks at health, depths and logs now and then, as open pages do; counts what is raised beyond ServiceErrors."""

    def __init__(self, running: runtime.Runtime) -> None:
        self._running = running
        self._over = threading.Event()
        self._strange: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._work, name="looking")

    def __enter__(self) -> Mapping[str, int]:
        self._thread.start()
        return self._strange

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _work(self) -> None:
        services = self._running.services
        while not self._over.wait(LOOK_EVERY_S):
            for look in (services.health.check_all, services.queues.list_depths, self._query):
                try:
                    look()
                except ServiceError:
                    continue
                except Exception as exc:  # noqa: BLE001 - what is looked for
                    self._strange[repr(exc)[:200]] += 1

    def _query(self) -> object:
        logs = self._running.services.logs
        return logs and logs.ask(Ask("newest_records", {}))


def say(name: str, found: Outcome) -> None:
    print(f"{name}: {len(found.fates)} in {found.took_s:.0f} s, {dict(shares(found.fates))}", file=sys.stderr)
