"""`run.py ask "QUESTION"`: one question from the terminal. Steps on stderr, the answer on stdout.

Exit codes: 0 answered, 1 a setting or a permission is wrong, 2 the question or the command line cannot be used,
3 failed, 4 no answer in time, 5 cancelled, 6 a service is away or busy.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import unicodedata
from pathlib import Path
from typing import TextIO

import runtime
from commands.serve import state_folder
from services.answers import problems
from services.answers.document import document, problem_document
from services.answers.events import AnswerEvent, Noted, StepBegan, StepEnded
from services.answers.fold import apply, begin
from services.answers.narration import say, seconds
from services.answers.service import AnswerService
from services.errors import (
    AccessDenied,
    ConfigurationError,
    InvalidInput,
    NotFound,
    ServiceError,
    Throttled,
    Unavailable,
)
from services.models import Answer, Problem, Step
from services.settings_source import exit_on_problem

ANSWERED, MISCONFIGURED, UNUSABLE, FAILED, TIMED_OUT, CANCELLED, AWAY = range(7)
RECORD_WAIT_S = 3.0
_CODES = {
    "configuration": MISCONFIGURED,
    "denied": MISCONFIGURED,
    "invalid_question": UNUSABLE,
    "deadline": TIMED_OUT,
    "expired": TIMED_OUT,
    "unavailable": AWAY,
    "throttled": AWAY,
    "conflict": AWAY,
}


def main(argv: list[str]) -> int:
    try:
        options = _options(argv)
    except SystemExit as exc:  # argparse has said what is wrong
        return int(exc.code or 0)
    return _run(options)


def _options(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python3 run.py ask",
        description="Ask one question and watch it travel.",
        epilog="Exit codes: 0 answered, 1 configuration, 2 unusable question, 3 failed, 4 no answer in time, "
        "5 cancelled, 6 service away or busy.",
    )
    parser.add_argument("question", help="the question; - reads it from standard input")
    parser.add_argument("--thread", default="", metavar="ID", help="continue this conversation")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead of the answer")
    parser.add_argument(
        "--timeout", type=_timeout, metavar="S", help="give up after S seconds (1 to 600; default: 120)"
    )
    parser.add_argument("--quiet", action="store_true", help="no steps on stderr")
    return parser.parse_args(argv)


def _timeout(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1 <= value <= 600:
        raise argparse.ArgumentTypeError("must be a number of seconds from 1 to 600, such as 30")
    return value


def _run(options: argparse.Namespace) -> int:
    environ = {**os.environ}
    environ.setdefault("RELAYDECK_STATE_DIR", str(state_folder()))
    if options.timeout is not None:
        environ["RELAYDECK_ANSWER_DEADLINE_S"] = str(options.timeout)
    teller = Teller(sys.stderr, quiet=options.quiet)
    try:
        question = sys.stdin.read() if options.question == "-" else options.question
        # A service manager stops with SIGTERM: the run is cancelled then as it is at Ctrl-C.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        running = runtime.start(environ, runtime.ROOT / ".env", warm=False, say=teller.line)
    except ConfigurationError as exc:
        exit_on_problem(exc, sys.stderr)
        return _refuse(options, "", exc, MISCONFIGURED, told=True)
    except ServiceError as exc:
        return _refuse(options, options.question, exc, AWAY)
    except KeyboardInterrupt:
        teller.line("Stopped before the question was sent")
        return CANCELLED
    try:
        return _ask(running.services.answers, question, options, teller)
    finally:
        with contextlib.suppress(KeyboardInterrupt):
            running.close()


def _ask(answers: AnswerService, question: str, options: argparse.Namespace, teller: "Teller") -> int:
    try:
        answer = answers.ask(question, options.thread)
    except ServiceError as exc:
        return _refuse(options, question, exc, _refusal_code(exc))
    except KeyboardInterrupt:
        teller.line("Stopped before the question was sent")
        return CANCELLED
    events: list[AnswerEvent] = []
    try:
        for event in answers.events(answer.id):
            events.append(event)
            teller.tell(event)
    except KeyboardInterrupt:
        teller.line("Stopping")
        with contextlib.suppress(KeyboardInterrupt):
            answers.cancel(answer.id)
    with contextlib.suppress(KeyboardInterrupt):
        answers.drain(RECORD_WAIT_S)
    events += list(answers.recorded(answer.id))[len(events) :]
    final = answers.get(answer.id) or answer
    if options.json:
        _print(json.dumps(document(events), ensure_ascii=False, indent=2))
    elif final.text:
        _print(harmless(final.text))
    teller.sum_up(final)
    return exit_code(final)


def exit_code(answer: Answer) -> int:
    """Return the exit code that tells how *answer* ended."""
    if answer.state == "answered":
        return ANSWERED
    if answer.state == "cancelled":
        return CANCELLED
    if answer.state == "expired":
        return TIMED_OUT
    return _CODES.get(answer.problem.code if answer.problem else "", FAILED)


def harmless(text: str) -> str:
    """Return *text* without characters that steer a terminal; line ends and tabs stay."""
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs"))


class Teller:
    """Says in plain words what happens to an answer. Writes whole lines only, no control sequences."""

    def __init__(self, stream: TextIO, *, quiet: bool) -> None:
        self._stream, self._quiet = stream, quiet
        self._answer: Answer | None = None

    def line(self, text: str) -> None:
        if not self._quiet:
            _print(harmless(text), self._stream)

    def tell(self, event: AnswerEvent) -> None:
        """Fold *event* in and print the line it is worth, if any."""
        before = self._answer
        self._answer = begin(event) if before is None else apply(before, event)  # type: ignore[arg-type]  # Asked comes first
        match event:
            case StepBegan(key=key, kind=kind) if kind != "plan" and self._answer.state == "working":
                self._say(key)
            case StepEnded(key=key) if not key.startswith(("delegate", "write")):
                self._say(key)
            case Noted(text=text) if text:
                self.line(text)
            case _:
                if before is not None and self._answer.ahead > before.ahead:
                    self.line(f"{self._answer.ahead} before this one")

    def sum_up(self, answer: Answer) -> None:
        if answer.problem is not None:
            _tell_problem(answer.problem, self._stream)
        elif answer.state == "cancelled":
            self.line(answer.notice or "Cancelled.")
        elif answer.took_s is not None:
            self.line(f"Answered in {seconds(answer.took_s)}{_parts_words(answer)}.")

    def _say(self, key: str) -> None:
        steps = {step.key: step for step in self._answer.steps} if self._answer else {}
        if key in steps:
            more = " …" if steps[key].state == "active" else ""
            self.line("  " * _depth(steps[key], steps) + say(steps[key]) + more)


def _depth(step: Step, steps: dict[str, Step]) -> int:
    parent = steps.get(step.parent or "")
    return 0 if parent is None else 1 + _depth(parent, steps)


def _parts_words(answer: Answer) -> str:
    parts = answer.parts
    if parts is None or parts.queue_wait_s == parts.function_s == 0:
        return ""
    named = (
        ("model", parts.model_s),
        ("queue wait", parts.queue_wait_s),
        ("function", parts.function_s),
    )
    told = ", ".join(f"{name} {'unknown' if value is None else seconds(value)}" for name, value in named)
    return f": {told}" + (" (estimated)" if parts.certainty == "guess" else "")


def _refuse(
    options: argparse.Namespace, question: str, error: ServiceError, code: int, *, told: bool = False
) -> int:
    """Say why nothing was asked, in words and, where wanted, as JSON; return *code*."""
    problem = problems.from_service_error(error, "")
    if options.json:
        state = {"question": question, "answer": "", "state": "failed", "problem": problem_document(problem)}
        _print(json.dumps(state, ensure_ascii=False, indent=2))
    if not told:
        _tell_problem(problem, sys.stderr)
    return code


def _refusal_code(error: ServiceError) -> int:
    match error:
        case InvalidInput() | NotFound():
            return UNUSABLE
        case ConfigurationError() | AccessDenied():
            return MISCONFIGURED
        case Throttled() | Unavailable():
            return AWAY
    return FAILED


def _tell_problem(problem: Problem, stream: TextIO) -> None:
    lines = [f"{problem.title}: {problem.detail}", problem.next_step]
    if problem.reference:
        lines.append(f"Where: {problem.where}. Reference: {problem.reference}")
    _print(harmless("\n".join(lines)), stream)


def _print(text: str, stream: TextIO | None = None) -> None:
    """Print whole lines; a reader that went away (`| head -1`) changes nothing else, now or when Python ends."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())
