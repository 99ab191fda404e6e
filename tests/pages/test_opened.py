"""A page that is opened after another waits for nothing that was read some minutes ago: the real page and SDK."""

import threading
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL
from tests.pages.overview_workspace import full, kpis
from tests.pages.test_queues import put
from tests.pages.workspaces import Workspace, install, table
from tests.scripted_server import Reply, ScriptedServer
from tests.waiting import wait_for
from ui import depth_board, recovery, view

GATE_S = 20.0
QUEUE = "opened-input"


class Slow:
    """A workspace that answers once `gate` is open."""

    def __init__(self, workspace: Workspace, script: ScriptedServer) -> None:
        self.workspace, self.gate = workspace, threading.Event()
        self.gate.set()

        def reply(asked: object) -> Reply:
            self.gate.wait(GATE_S)
            return workspace.reply(asked)  # type: ignore[arg-type]  # as the server hands it over

        script.play(reply)

    def tells(self, answers: int) -> None:
        """From now on, tell of *answers* in an hour."""
        rows = kpis()
        rows[0][1] = rows[0][2] = answers
        self.workspace.bodies = full(kpis=table("kpis", rows))

    @property
    def asked(self) -> int:
        return self.workspace.asked_for("kpis")


@pytest.fixture
def slow(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    monkeypatch.setattr(view, "RETURN_S", 0.0)  # who comes back at once is shown the same without any reading
    found = Slow(install(scripted, monkeypatch), scripted)
    found.tells(60)
    yield found
    found.gate.set()


def opened(page: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    at.query_params["range"] = "1h"
    return gone_to(at, page)


def gone_to(at: AppTest, page: str) -> AppTest:
    at.switch_page(str(ROOT / "pages" / f"{page}.py"))
    at.run()
    assert not at.exception
    return at


def rate(at: AppTest) -> str:
    return figure(at, "Answers per minute")


def waiting(at: AppTest) -> str:
    return figure(at, "Messages")


def figure(at: AppTest, label: str) -> str:
    return next(one.value for one in at.metric if one.label == label)


def is_drawn_again(at: AppTest) -> bool:
    return recovery.TIMED_KEY in at.session_state


@pytest.mark.parametrize("between", ["ask", "queues", "doctor"])
def test_what_was_read_before_is_shown_until_the_workspace_has_answered(slow: Slow, between: str) -> None:
    at = opened("overview")
    first = rate(at)
    gone_to(at, between)
    slow.tells(120)
    slow.gate.clear()

    gone_to(at, "overview")
    assert rate(at) == first
    assert is_drawn_again(at)

    slow.gate.set()
    wait_for(lambda: rate(at.run()) != first)
    assert slow.asked == 2, "it was read once for each opening"
    assert not is_drawn_again(at)


def test_what_fails_meanwhile_is_told(slow: Slow) -> None:
    at = gone_to(opened("overview"), "ask")
    slow.workspace.whole = Reply(503, b"")
    gone_to(at, "overview")
    wait_for(lambda: "cannot be now" in "\n".join(one.value for one in at.run().caption))


def test_what_was_read_long_ago_is_not_shown(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    at = gone_to(opened("overview"), "ask")
    slow.tells(120)
    monkeypatch.setattr(view, "EARLIER_S", 0.0)
    before = rate(opened("overview"))
    gone_to(at, "overview")
    assert rate(at) == before, "as a page says that was opened by itself"
    assert not is_drawn_again(at)


def test_a_page_opened_by_itself_is_read_first(slow: Slow) -> None:
    before = rate(opened("overview"))
    slow.tells(120)
    at = opened("overview")
    assert rate(at) != before
    assert not is_drawn_again(at)


def test_a_press_and_a_refresh_show_what_is_new(slow: Slow) -> None:
    at = gone_to(opened("ask"), "overview")
    before = rate(at)
    slow.tells(120)
    at.button(key="view-again").click().run()
    assert rate(at) != before


@pytest.mark.usefixtures("slow")
def test_queues_are_shown_as_they_were_and_then_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(depth_board, "DEPTHS_FRESH_S", 0.0)
    put(QUEUE, "x")
    at = opened("queues")
    before = waiting(at)
    gone_to(at, "ask")
    runtime.current()._clients.queues.get_queue_client(QUEUE).send_message("y")

    assert waiting(gone_to(at, "queues")) == before
    assert is_drawn_again(at)
    wait_for(lambda: waiting(at.run()) != before)
    assert not is_drawn_again(at)
