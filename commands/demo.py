"""`run.py demo`: a gentle, real load, so that there is something to watch. One line an answer.

Real questions go through the agents, the queues and the function app of the Relaydeck that runs, or of one that is
started for it. Exit codes: 0 ended as told, 1 a setting is wrong or it may not be done, 3 nothing was answered,
6 a service is away.
"""

import argparse
import contextlib
import dataclasses
import logging
import math
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import runtime
from commands.ask import AWAY, FAILED, MISCONFIGURED, harmless
from commands.serve import (
    THINK_S,
    TOKEN_S,
    application,
    choose_port,
    open_browser,
    running_dashboard,
    start_history,
    start_local,
    state_folder,
)
from emulator.connection import is_alive, read_connection
from emulator.supervisor import PartFailedError
from services.answers.narration import seconds
from services.answers.service import AnswerService
from services.assembly import answer_context
from services.demo.questions import Sample, Samples
from services.errors import ConfigurationError, ServiceError
from services.models import Answer
from services.settings import Settings
from services.settings_source import exit_on_problem, load_settings

RATE, SLOWEST, FASTEST = 15.0, 0.5, 60.0
MINUTES, LONGEST = 60.0, 24 * 60.0
MOST_OPEN = 4  # gentle: whoever asks in the dashboard meanwhile finds room
WAVE_S, WAVE_SHARE = 300.0, 0.6  # the rate rises and falls by this share, once in so many seconds
LOOK_S = 0.1
PATIENCE_S = 0.7  # of the one in a while who has none, so that failures are seen, too
IMPATIENT_EVERY, STOPPED_EVERY = 17, 23
STOP_AFTER_S = 0.8
LAST_WAIT_S = 10.0
TROUBLE_WAIT_S = 5.0
TEXT_SHOWN = 60


def main(arguments: list[str]) -> int:
    try:
        options = _options(arguments)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    state = state_folder()
    environ = {**os.environ, "RELAYDECK_STATE_DIR": str(state)}
    try:
        settings = load_settings(environ, runtime.ROOT / ".env")
    except ConfigurationError as exc:
        exit_on_problem(exc, sys.stderr)
        return MISCONFIGURED
    if settings.mode == "azure" and not options.yes_against_azure:
        print(
            f"This would ask real questions of {settings.project_endpoint}, which costs money and leaves threads behind. "
            "If that is wanted: python3 run.py demo --yes-against-azure",
            file=sys.stderr,
        )
        return MISCONFIGURED
    logging.getLogger().addHandler(logging.NullHandler())  # each answer's own line says how it ended
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return _run(options, settings, state, environ, ended)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py demo",
        description="Keep asking real questions, so that there is something to watch.",
    )
    parser.add_argument(
        "--rate",
        type=_between(SLOWEST, FASTEST),
        default=RATE,
        metavar="N",
        help=f"questions a minute, {SLOWEST:g} to {FASTEST:g} (default: {RATE:g})",
    )
    parser.add_argument(
        "--minutes",
        type=_between(0.05, LONGEST),
        default=MINUTES,
        metavar="M",
        help=f"how long, at most {LONGEST:g} (default: {MINUTES:g})",
    )
    parser.add_argument(
        "--history", action="store_true", help="put the demo history in again, after a reset, before asking"
    )
    parser.add_argument("--no-browser", dest="browser", action="store_false", help="only print the address")
    parser.add_argument(
        "--yes-against-azure",
        action="store_true",
        help="in Azure mode: yes, real questions to the real project, at its cost",
    )
    return parser.parse_args(arguments)


def _between(low: float, high: float) -> "type[float]":
    def number(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}")
        return value

    return number  # type: ignore[return-value]  # argparse calls it and needs no more


def _run(
    options: argparse.Namespace,
    settings: Settings,
    state: Path,
    environ: dict[str, str],
    ended: threading.Event,
) -> int:
    failures: list[PartFailedError] = []

    def failed(failure: PartFailedError) -> None:
        failures.append(failure)
        ended.set()

    try:
        with _relaydeck(options, settings, state, failed):
            code = _load(options, settings, state, environ, ended)
    except PartFailedError as exc:
        failures.append(exc)
    except ServiceError as exc:
        print(f"{exc.message} {exc.hint}".strip(), file=sys.stderr)
        return AWAY
    if failures:
        print(f"Relaydeck stopped: {failures[0]}", file=sys.stderr)
        return AWAY
    return code


@contextlib.contextmanager
def _relaydeck(
    options: argparse.Namespace, settings: Settings, state: Path, failed: Callable[[PartFailedError], None]
) -> Iterator[None]:
    """Have a Relaydeck to ask: the one that runs, else one of our own, which ends with us. Raises PartFailedError."""
    connection = read_connection(state)
    if settings.mode == "azure" or (connection is not None and is_alive(connection)):
        print(f"Dashboard: {running_dashboard(state) or 'none runs here'}", flush=True)
        yield
        return
    port = choose_port(0)
    if port is None:
        raise PartFailedError("All ports for the dashboard are taken.")
    own = argparse.Namespace(think_s=THINK_S, token_s=TOKEN_S)
    with application(port, state, lambda lost: start_local(own, state, lost), failed) as address:
        print(f"Dashboard: {address}", flush=True)
        open_browser(address, wanted=options.browser)
        yield


def _load(
    options: argparse.Namespace,
    settings: Settings,
    state: Path,
    environ: dict[str, str],
    ended: threading.Event,
) -> int:
    if options.history and settings.mode == "local":
        _tell_history(state)
    running = runtime.start(environ, runtime.ROOT / ".env")
    try:
        load = Load(running, random.Random(), options.rate)  # noqa: S311 - which question comes next
        print(
            f"About {options.rate:g} questions a minute for {options.minutes:g} min; Ctrl-C ends it.",
            flush=True,
        )
        load.run(60 * options.minutes, ended)
        print(load.sum_up(), flush=True)
        return FAILED if load.counts and not load.counts["answered"] else 0
    finally:
        running.close()


def _tell_history(state: Path) -> None:
    """Put the history in, in the time that takes, and say what came of it."""
    telling = start_history(state, again=True)
    code = telling.wait() if telling is not None else 0
    words = (state / "logs" / "history.log").read_text(errors="replace").strip().splitlines()[-1:]
    print(*words, file=sys.stderr if code else sys.stdout, flush=True)


@dataclasses.dataclass(slots=True)
class _Open:
    sample: Sample
    answers: AnswerService
    stop_at_s: float


class Load:
    """Asks and tells. One thread; at most MOST_OPEN answers under way."""

    def __init__(self, running: runtime.Runtime, chance: random.Random, rate: float) -> None:
        services = running.services
        self._chance, self._rate = chance, rate
        self._usual = services.answers
        context = answer_context(
            services.settings, services.backend, services.team, services.queues, services.telemetry
        )
        self._impatient = AnswerService(dataclasses.replace(context, deadline_s=PATIENCE_S), runtime.now)
        foo = next(tool for tool in services.catalogue if tool.name == "foo")
        self._samples = Samples(chance, foo.output_queue)
        self._open: dict[str, _Open] = {}
        self._asked = 0
        self.counts: Counter[str] = Counter()

    def run(self, duration_s: float, ended: threading.Event) -> None:
        """Ask for *duration_s*, or until *ended*; then wait a little for what is open, and stop the rest."""
        began_s = time.monotonic()
        next_s = began_s
        while (now_s := time.monotonic()) - began_s < duration_s and not ended.is_set():
            if now_s >= next_s and len(self._open) < MOST_OPEN:
                next_s = now_s + (self._pause_s(now_s - began_s) if self._ask() else TROUBLE_WAIT_S)
            self._look()
            ended.wait(LOOK_S)
        self._end()

    def sum_up(self) -> str:
        told = ", ".join(f"{count} {state}" for state, count in self.counts.most_common())
        return f"Asked {self._asked}: {told or 'none ended'}."

    def _pause_s(self, at_s: float) -> float:
        rate = self._rate * (1 + WAVE_SHARE * math.sin(2 * math.pi * at_s / WAVE_S))
        usual_s = 60.0 / rate
        return min(3 * usual_s, self._chance.expovariate(1 / usual_s))

    def _ask(self) -> bool:
        self._asked += 1
        sample = self._samples.next()
        answers = self._impatient if self._asked % IMPATIENT_EVERY == 0 else self._usual
        stops = self._asked % STOPPED_EVERY == 0
        try:
            answer = answers.ask(sample.text)
        except ServiceError as exc:
            self._asked -= 1
            _say(f"not asked: {exc.message}")
            return False
        stop_at_s = time.monotonic() + STOP_AFTER_S if stops else math.inf
        self._open[answer.id] = _Open(sample, answers, stop_at_s)
        return True

    def _look(self) -> None:
        for answer_id, one in list(self._open.items()):
            answer = one.answers.get(answer_id)
            if answer is None or not answer.is_open:
                del self._open[answer_id]
                self.counts[answer.state if answer else "lost"] += 1
                _say(line(answer, one.sample) if answer else f"lost       {one.sample.text}")
            elif time.monotonic() >= one.stop_at_s:
                one.stop_at_s = math.inf
                threading.Thread(target=_cancel, args=[one.answers, answer_id], daemon=True).start()

    def _end(self) -> None:
        until_s = time.monotonic() + LAST_WAIT_S
        while self._open and time.monotonic() < until_s:
            self._look()
            time.sleep(LOOK_S)
        for answer_id, one in self._open.items():
            _cancel(one.answers, answer_id)
        self._look()
        self._impatient.drain(1.0)
        self._impatient.close()


def line(answer: Answer, sample: Sample) -> str:
    """Return the one line that tells of *answer*."""
    took = "unknown" if answer.took_s is None else seconds(answer.took_s)
    parts = answer.parts
    where = ""
    if sample.tool and parts is not None:
        named = (("wait", parts.queue_wait_s), ("function", parts.function_s))
        where = " (" + ", ".join(f"{n} {'unknown' if v is None else seconds(v)}" for n, v in named) + ")"
    why = f": {answer.problem.title}" if answer.problem else ""
    text = sample.text if len(sample.text) <= TEXT_SHOWN else sample.text[: TEXT_SHOWN - 1] + "…"
    return f"{answer.state:<9} {took:>6}{where}  {sample.tool or 'no tool'}  {text}{why}"


def _cancel(answers: AnswerService, answer_id: str) -> None:
    with contextlib.suppress(ServiceError):  # its line tells how it ended
        answers.cancel(answer_id)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')}  {harmless(text)}", flush=True)
