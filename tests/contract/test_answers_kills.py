"""kill -9 in mid-answer: Local Azure, the functions host, each as a process of its own with the real function app."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import runtime
from emulator.supervisor import LocalOptions, Part, Supervisor, attach_or_start, end_process
from services.models import Answer
from tests.contract.answers_support import Desk
from tests.waiting import wait_for

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="steers processes by POSIX signals"),
    # urllib3 drops the socket of a server that died in mid-reply without closing it; the collector does so at once.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SUM, VALUE = "What is (12.5 + 7) * 3?", "58.5"
AZURE, HOST = "Local Azure", "The Functions host"


@contextmanager
def running(state: Path, think_s: float = 0.0, **environ: str) -> Iterator[tuple[Desk, Supervisor]]:
    """Yield a whole Relaydeck on a Local Azure of its own, and the supervisor of its parts."""
    azure = attach_or_start(LocalOptions(state, think_s=think_s))
    assert azure.supervisor is not None
    given = {f"RELAYDECK_{name.upper()}": value for name, value in environ.items()}
    try:
        started = runtime.start({"RELAYDECK_STATE_DIR": str(state), **given}, warm=False)
        try:
            yield Desk(started), azure.supervisor
        finally:
            started.close()
    finally:
        azure.stop()


def kill(supervisor: Supervisor, part: str) -> None:
    os.kill(supervisor.pid(part), signal.SIGKILL)


def part_of(supervisor: Supervisor, name: str) -> Part:
    return next(part for part in supervisor._parts if part.name == name)


def check_answered(answer: Answer) -> None:
    assert (answer.state, answer.problem) == ("answered", None)
    assert VALUE in answer.text


def test_an_answer_arrives_although_local_azure_is_killed_in_its_middle(state: Path) -> None:
    """The supervisor brings it back on the same port with the same state: nothing acknowledged is lost."""
    with running(state, think_s=1.0, breaker_open_s="0.3") as (desk, supervisor):
        asked = desk.answers.ask(SUM)
        desk.until(asked, "plan")
        kill(supervisor, AZURE)
        answer = desk.settled(asked)

        check_answered(answer)
        assert answer.notice == ""
        (shown,) = desk.answers.conversation(answer.thread_id).answers
        assert VALUE in shown.text
        assert len(desk.running.services.backend.list_runs(answer.thread_id, 10)) == 1


def test_an_answer_arrives_although_local_azure_is_killed_while_the_function_is_called(state: Path) -> None:
    """The message lies in the queue when the service dies; it is still there afterwards, once."""
    with running(state, think_s=0.3, breaker_open_s="0.3") as (desk, supervisor):
        desk.ask("Hello?")  # the team exists
        asked = desk.answers.ask(SUM)
        desk.until(asked, "delegate")
        kill(supervisor, AZURE)
        check_answered(desk.settled(asked))


def test_a_question_waits_in_the_queue_until_the_functions_host_is_back(state: Path) -> None:
    """Killed and not there: the wait is seen as a wait, and ends when somebody takes the message."""
    azure = attach_or_start(LocalOptions(state))
    supervisor = azure.supervisor
    assert supervisor is not None
    started = runtime.start({"RELAYDECK_STATE_DIR": str(state)}, warm=False)
    desk = Desk(started)
    try:
        host = part_of(supervisor, HOST)
        supervisor._parts.remove(host)  # nobody restarts it while we look
        assert host.process is not None
        host.process.kill()
        end_process(host.process)
        asked = desk.answers.ask(SUM)
        desk.until(asked, "wait")
        waiting = desk.now(asked)
        assert [step.state for step in waiting.steps if step.kind == "wait"] == ["active"]
        wait_for(
            lambda: desk.running.services.queues.depth_of("azure-function-calculate-input").messages == 1
        )
        supervisor.start(Part(HOST, host.command, host.log_file, host.environment))
        answer = desk.settled(asked)

        check_answered(answer)
        assert answer.parts and answer.parts.queue_wait_s is not None and answer.parts.queue_wait_s > 0.3
        assert answer.parts.certainty in ("exact", "strong")
    finally:
        started.close()
        azure.stop()


def test_a_process_killed_in_mid_answer_leaves_it_to_the_next_one(state: Path) -> None:
    """The whole program dies; the run does not. The next one finds it by its thread and follows it to the end."""
    with running(state, think_s=0.7) as (desk, _):
        script = (
            "import runtime, sys\n"
            f"started = runtime.start({{'RELAYDECK_STATE_DIR': {str(state)!r}}}, warm=False)\n"
            f"answer = started.services.answers.ask({SUM!r})\n"
            "for event in started.services.answers.events(answer.id):\n"
            "    print(started.services.answers.get(answer.id).thread_id, flush=True)\n"
        )
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            thread_id = next(line.strip() for line in child.stdout if line.startswith("thread_"))
            wait_for(lambda: desk.running.services.backend.list_runs(thread_id, 5))
            child.kill()
        (found,) = desk.answers.conversation(thread_id).answers
        assert found.question == SUM
        answer = desk.settled(found) if found.is_open else found
        check_answered(answer)
