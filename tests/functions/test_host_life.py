"""Leases, limits, several hosts, storage that comes and goes, and the end of a host."""

import threading
from functools import partial
from pathlib import Path

import pytest

from emulator.faults import Fault
from emulator.functions_host.errors import EXIT_DRAINED, EXIT_OVERRUN, EXIT_UNDRAINED
from emulator.server import Emulator, EmulatorSettings
from tests.functions.hosting import Hosted, Queues, eventually, settings_for, write_app

GATED = """
import threading
import azure.functions as func

app = func.FunctionApp()
started = []
ended = []
gate = threading.Event()
lock = threading.Lock()
most = 0

@app.queue_trigger("msg", queue_name="work", connection="STORE")
@app.queue_output("out", queue_name="results", connection="STORE")
def gated(msg: func.QueueMessage, out: func.Out[str]) -> None:
    global most
    started.append(msg.get_body().decode())
    with lock:
        most = max(most, len(started) - len(ended))
    gate.wait(30)
    ended.append(1)
    out.set(msg.get_body().decode())
"""

ASYNC_SLEEPER = """
import asyncio
import azure.functions as func

app = func.FunctionApp()
started = []

@app.queue_trigger("msg", queue_name="work", connection="STORE")
async def sleeper(msg: func.QueueMessage) -> None:
    started.append(1)
    await asyncio.sleep(3600)
"""


class Inside:
    """The names at the top level of the app that *hosted* runs."""

    def __init__(self, hosted: Hosted) -> None:
        self._names: dict[str, object] = hosted.host.functions[0].run.__globals__

    @property
    def started(self) -> list[str]:
        started = self._names["started"]
        assert isinstance(started, list)
        return list(started)

    @property
    def most(self) -> object:
        return self._names["most"]

    def open_gate(self) -> None:
        gate = self._names["gate"]
        assert isinstance(gate, threading.Event)
        gate.set()


def updates(emulator: Emulator) -> int:
    return sum(seen.operation.endswith("update_message") for seen in emulator.requests())


def renewed(emulator: Emulator, times: int) -> bool:
    return updates(emulator) == times


def begun(hosted: Hosted, times: int) -> bool:
    return len(Inside(hosted).started) == times


def test_the_lease_of_a_long_function_is_renewed_at_half_time(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """Fifteen minutes pass on both clocks: nobody else gets the message, and it is deleted in the end."""
    with Hosted(write_app(tmp_path / "app", GATED, function_timeout="-1"), settings_for(emulator)) as hosted:
        inside = Inside(hosted)
        queues.send("work", "long")
        eventually(lambda: inside.started, "the function to begin")
        for renewal in range(1, 4):
            emulator.advance(301)
            hosted.host.advance(301)
            eventually(partial(renewed, emulator, renewal), f"renewal {renewal}")
            assert queues.receive("work") is None
        inside.open_gate()

        assert queues.await_texts("results", 1) == ["long"]
        queues.await_empty("work")
        assert inside.started == ["long"]


def test_a_message_that_was_lost_meanwhile_does_no_harm(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """Its receipt is stale; the answer went out, the host goes on with the next message."""
    with Hosted(write_app(tmp_path / "app", GATED), settings_for(emulator)) as hosted:
        queues.send("work", "lost")
        eventually(lambda: Inside(hosted).started, "the function to begin")
        queues.service.get_queue_client("work").clear_messages()
        Inside(hosted).open_gate()
        queues.await_texts("results", 1)
        queues.send("work", "next")

        assert queues.await_texts("results", 2) == ["lost", "next"]


def test_no_more_messages_are_taken_than_host_json_allows(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """batchSize and newBatchThreshold bound what one host holds, so that others get their share."""
    queues.service.create_queue("work")
    for number in range(9):
        queues.send("work", str(number))
    app = write_app(tmp_path / "app", GATED, batchSize=2, newBatchThreshold=1)
    settings = settings_for(emulator, PYTHON_THREADPOOL_THREAD_COUNT="32")
    with Hosted(app, settings) as hosted:
        eventually(lambda: len(Inside(hosted).started) == 2, "a full batch")
        polls = len(emulator.requests())
        Inside(hosted).open_gate()
        assert len(queues.await_texts("results", 9)) == 9
        assert Inside(hosted).most == 2 or len(emulator.requests()) > polls
        assert int(str(Inside(hosted).most)) <= 3


def test_hosts_side_by_side_share_the_work_and_do_each_piece_once(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """Azure scales out to many hosts; a message leased by one is invisible to the others."""
    source = GATED.replace("gate.wait(30)", "")
    queues.service.create_queue("work")
    apps = [write_app(tmp_path / name, source, batchSize=4, newBatchThreshold=2) for name in ("a", "b", "c")]
    hosts = [Hosted(app, settings_for(emulator)) for app in apps]
    with hosts[0], hosts[1], hosts[2]:
        for number in range(90):
            queues.send("work", str(number))
        eventually(lambda: queues.count("results") == 90, "90 results")
        queues.await_empty("work")

    began = [text for host in hosts for text in Inside(host).started]
    assert sorted(began, key=int) == [str(number) for number in range(90)]
    assert all(Inside(host).started for host in hosts)


def test_a_stopping_host_ends_what_runs_and_gives_back_what_waits(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """Nothing is cut off, nothing is held until its lease ends, nothing new is taken."""
    app = write_app(tmp_path / "app", GATED)
    hosted = Hosted(app, settings_for(emulator, PYTHON_THREADPOOL_THREAD_COUNT="1"))
    with hosted:
        for number in range(4):
            queues.send("work", str(number))
        inside = Inside(hosted)
        eventually(
            lambda: inside.started and updates(emulator) == 0 and not queues.peek("work"), "all to be taken"
        )
        hosted.host.stop()
        eventually(lambda: len(queues.peek("work")) == 3, "three messages back")
        inside.open_gate()

        assert hosted.wait() == EXIT_DRAINED

    assert len(inside.started) == 1
    assert queues.peek("results") == inside.started
    assert queues.count("work") == 3


def test_a_host_that_cannot_drain_in_time_says_so(emulator: Emulator, queues: Queues, tmp_path: Path) -> None:
    """Whoever started it must know that a message is still leased."""
    hosted = Hosted(write_app(tmp_path / "app", GATED), settings_for(emulator), drain_s=0.3)
    with hosted:
        queues.send("work", "stuck")
        eventually(lambda: Inside(hosted).started, "the function to begin")

        assert hosted.stop() == EXIT_UNDRAINED
    Inside(hosted).open_gate()


def test_a_function_that_outlives_its_time_ends_the_host_and_its_message_comes_back(
    emulator: Emulator, queues: Queues, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A thread cannot be stopped, so the process is to be replaced, as Azure replaces its worker."""
    hosted = Hosted(write_app(tmp_path / "app", GATED, function_timeout="00:01:00"), settings_for(emulator))
    with hosted:
        queues.send("work", "endless")
        eventually(lambda: Inside(hosted).started, "the function to begin")
        hosted.host.advance(61)

        assert hosted.wait() == EXIT_OVERRUN
    Inside(hosted).open_gate()

    assert queues.await_texts("work", 1) == ["endless"]
    assert "Timeout value of 00:01:00 exceeded by function 'Functions.gated'" in caplog.text


def test_an_asynchronous_function_is_cancelled_when_its_time_is_up(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """It can be stopped, so the host goes on; after the last delivery the message is given up."""
    app = write_app(tmp_path / "app", ASYNC_SLEEPER, function_timeout="00:01:00")
    with Hosted(app, settings_for(emulator)) as hosted:
        queues.send("work", "endless")
        for delivery in range(1, 4):
            eventually(partial(begun, hosted, delivery), f"delivery {delivery}")
            hosted.host.advance(61)

        assert queues.await_texts("work-poison", 1) == ["endless"]


def test_a_host_waits_for_storage_and_says_so_once(
    state: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Local Azure may start later, or again; the host must neither die nor fill the log."""
    with Emulator(EmulatorSettings(state=state)) as first:
        port, settings = first.port, settings_for(first)
    app = write_app(tmp_path / "app", GATED.replace("gate.wait(30)", ""))
    with Hosted(app, settings) as hosted:
        assert hosted.ready.storage == "unreachable"
        with Emulator(EmulatorSettings(state=state, port=port)) as second:
            queues = Queues(second)
            eventually(
                lambda: queues.peek("results") or list(queues.service.list_queues()), "the queues to be made"
            )
            queues.send("work", "late")
            assert queues.await_texts("results", 1) == ["late"]
            queues.close()

    said = [record.getMessage() for record in caplog.records if "queue.unreachable" in record.getMessage()]
    assert 1 <= len(said) <= 2  # once before the start, once when the emulator stops first at the end


def test_an_answer_survives_a_restart_of_storage_while_the_function_runs(state: Path, tmp_path: Path) -> None:
    """The function has done its work; writing it down is repeated until storage is back."""
    app = write_app(tmp_path / "app", GATED)
    with Emulator(EmulatorSettings(state=state)) as first:
        port = first.port
        queues = Queues(first)
        hosted = Hosted(app, settings_for(first))
        hosted.__enter__()
        queues.send("work", "precious")
        eventually(lambda: Inside(hosted).started, "the function to begin")
        queues.close()
    Inside(hosted).open_gate()
    with Emulator(EmulatorSettings(state=state, port=port)) as second:
        queues = Queues(second)
        assert queues.await_texts("results", 1) == ["precious"]
        queues.await_empty("work")
        hosted.stop()
        queues.close()


@pytest.mark.parametrize(
    "fault",
    [
        Fault("queues.put_message", status=503, code="ServerBusy"),
        Fault("queues.put_message", "reset"),
        Fault("queues.delete_message", "reset"),
        Fault("queues.delete_message", "reset", when="after"),
        Fault("queues.get_messages", "truncate"),
        Fault("queues.get_messages", status=500, code="InternalError"),
    ],
    ids=["busy", "cut before put", "cut before delete", "lost reply to delete", "half a list", "failed list"],
)
def test_a_fault_of_storage_costs_a_retry_and_nothing_else(
    emulator: Emulator, queues: Queues, tmp_path: Path, fault: Fault
) -> None:
    """The SDK's own retries are off, so the host's must cover each request that a message needs."""
    queues.service.create_queue("work")
    queues.send("work", "once")
    emulator.fail(fault)
    app = write_app(tmp_path / "app", GATED.replace("gate.wait(30)", ""))
    with Hosted(app, settings_for(emulator)) as hosted:
        if (
            fault.kind == "truncate"
        ):  # the message was hidden, then the list was lost: only the lease brings it back
            eventually(lambda: not emulator.unspent_faults(), "the list to be lost")
            emulator.advance(601)
        assert queues.await_texts("results", 1) == ["once"]
        queues.await_empty("work")
        assert len(Inside(hosted).started) == 1


def test_without_the_flag_the_host_makes_no_input_queue_but_waits_for_it(
    emulator: Emulator, queues: Queues, tmp_path: Path
) -> None:
    """As the real host does: outputs are made on demand, inputs are somebody else's."""
    app = write_app(tmp_path / "app", GATED.replace("gate.wait(30)", ""))
    with Hosted(app, settings_for(emulator), create_queues=False) as hosted:
        assert hosted.ready.storage == "reachable"
        assert list(queues.service.list_queues()) == []
        queues.service.create_queue("work")
        queues.send("work", "x")

        assert queues.await_texts("results", 1) == ["x"]


def test_queues_that_vanish_are_made_again(emulator: Emulator, queues: Queues, tmp_path: Path) -> None:
    """Local Azure can be reset while the host runs."""
    app = write_app(tmp_path / "app", GATED.replace("gate.wait(30)", ""))
    with Hosted(app, settings_for(emulator)):
        emulator.reset(seed=2)
        eventually(lambda: len(list(queues.service.list_queues())) == 2, "both queues")
        queues.send("work", "x")

        assert queues.await_texts("results", 1) == ["x"]
