"""The Trace page with a workspace: what telemetry tells, in every state that it can be in."""

import json
from datetime import datetime

import pytest

import runtime
from commands.stack import Control
from services.monitor.results import Row
from tests.pages.conftest import Open, answer_on, words
from tests.pages.test_trace import opened
from tests.pages.workspaces import Body, Workspace, install, refusal, table
from tests.scripted_server import Reply, ScriptedServer
from tests.unit.test_trace import row, story
from tests.waiting import wait_for
from ui import context

JSON = {"Content-Type": "application/json"}


@pytest.fixture
def workspace(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    return install(scripted, monkeypatch)


def body(rows: list[Row]) -> Body:
    """Return the rows as Log Analytics sends them."""
    cells = [
        [
            value.isoformat().replace("+00:00", "Z")
            if isinstance(value, datetime)
            else json.dumps(dict(value))  # type: ignore[arg-type]  # a bag of properties
            if name == "Properties"
            else value
            for name, value in one.items()
        ]
        for one in rows
    ]
    return table("trace_spans", cells)


def test_a_run_that_only_telemetry_knows_shows_its_waits_apart(workspace: Workspace) -> None:
    """The conversation may be deleted, or of another project's client."""
    workspace.bodies["trace_spans"] = body(story())
    at = opened(run="run_1")
    told = words(at).replace("\\", "")

    assert "Answered in 14.2 s; 49 % waiting in the input queue; cold start likely" in told
    assert [hop for hop in ("Enqueued", "Picked up", "Executed", "Output written") if hop in told] != []
    assert any("input queue: wait" in one.label.replace("\\", "") for one in at.expander)
    assert len(at.get("plotly_chart")) == 1
    assert workspace.asked_for("trace_spans") == 1


def test_pressing_anything_on_the_page_asks_nothing_more(workspace: Workspace) -> None:
    workspace.bodies["trace_spans"] = body(story())
    at = opened(run="run_1")
    before = [names for names in workspace.requests if "trace_spans" in names]
    for tab in ("Messages", "Conversation", "Sequence", "Raw", "Steps"):
        at.segmented_control(key="show").set_value(tab).run()
        assert not at.exception, tab

    assert [names for names in workspace.requests if "trace_spans" in names] == before


def test_the_part_that_is_shown_stands_in_the_address(workspace: Workspace) -> None:
    workspace.bodies["trace_spans"] = body(story())
    at = opened(run="run_1", show="Raw")
    assert any('"calls"' in code.value for code in at.code)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(403, b'{"error":{"code":"InsufficientAccessError","message":"no"}}', JSON), "HTTP 403"),
        (Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), "Try again"),
        (Reply(200, b"{}", JSON), "Try again"),
        (
            Reply(
                429, b'{"error":{"code":"TooManyRequests","message":"wait"}}', {**JSON, "Retry-After": "60"}
            ),
            "HTTP 429",
        ),
    ],
    ids=["forbidden", "html", "nothing", "throttled"],
)
def test_telemetry_that_cannot_be_read_is_not_a_run_that_does_not_exist(
    workspace: Workspace, reply: Reply, said: str
) -> None:
    """The person would go and look for the run elsewhere."""
    workspace.whole = reply
    at = opened(run="run_1")
    told = words(at) + " ".join(button.label for button in at.button)

    assert "This run is not known here" not in told
    assert said in told


def test_a_failed_workspace_leaves_what_the_agent_service_knows(
    workspace: Workspace, open_page: Open
) -> None:
    workspace.whole = Reply(403, b'{"error":{"code":"InsufficientAccessError","message":"no"}}', JSON)
    page = open_page()
    page.chat_input(key="question").set_value("What is 6 * 7?").run()
    answer = answer_on(page)
    at = opened(run=answer.run_id, thread=answer.thread_id)

    assert "Answered in" in words(at) and "HTTP 403" in words(at)
    assert len(at.get("plotly_chart")) == 1


def test_a_missing_table_is_told_as_such(workspace: Workspace) -> None:
    workspace.bodies["trace_spans"] = refusal("SemanticError", "Failed to resolve table AppRequests")
    assert "Failed to resolve table" in words(opened(run="run_1"))


def test_the_log_of_the_function_is_asked_for_when_it_is_opened(workspace: Workspace) -> None:
    """What the function wrote is hostile text as any other."""
    workspace.bodies["trace_spans"] = body(story())
    line = ["2026-11-22T12:00:09Z", "AppTraces", "<img src=x> :red[no] $x$", 3, "Function.foo.User", "i1"]
    workspace.bodies["function_log"] = table("function_log", [line])
    at = opened(run="run_1")
    assert workspace.asked_for("function_log") == 0
    at.segmented_control(key="show").set_value("Function log").run()
    at.run()

    assert workspace.asked_for("function_log") == 1
    assert r"\<img src\=x\> \:red\[no\] \$x\$" in words(at)
    assert ":red-badge[error]" in words(at)


def test_a_log_that_cannot_be_read_is_not_an_empty_one(workspace: Workspace) -> None:
    workspace.bodies["trace_spans"] = body(story())
    workspace.bodies["function_log"] = refusal("SemanticError", "Failed to resolve table AppTraces")
    at = opened(run="run_1", show="Function log")
    assert "Failed to resolve table AppTraces" in words(at)
    assert "Nothing was written" not in words(at)


def test_ten_megabytes_of_telemetry_are_shown_and_cut_on_screen(workspace: Workspace) -> None:
    """2,000 spans of 5 KB: drawn as a few bars, all of it in the download, little of it on the page."""
    noise = {"gen_ai.operation.name": "chat", "relaydeck.run.id": "run_1", "noise": "x" * 5_000}
    workspace.bodies["trace_spans"] = body(
        [row("chat", n / 10, 0.05, noise, span=f"s{n}") for n in range(2_000)]
    )
    at = opened(run="run_1", show="Raw")

    assert "2,000 spans, collapsed by agent" in words(at)
    assert "Only the first 2,000 spans were read" in words(at)
    assert max(len(code.value) for code in at.code) <= 60_000


def test_the_log_of_a_real_function_is_there(control: Control, open_page: Open) -> None:
    """The whole way: the host tells its lines, Local Azure keeps them, the page finds those of this invocation."""
    page = open_page()
    page.chat_input(key="question").set_value("What is 3 * 9?").run()
    answer = answer_on(page)
    traces = runtime.current().services.traces
    wait_for(lambda: traces.read(answer.run_id, answer.thread_id).rows, timeout_s=20, every_s=0.3)
    wait_for(
        lambda: any(one.invocations for one in traces.read(answer.run_id, answer.thread_id).passages),
        timeout_s=20,
        every_s=0.3,
    )
    context.traces().clear_all()
    at = opened(run=answer.run_id, thread=answer.thread_id, show="Function log")
    told = words(at).replace("\\", "")

    assert "Executing 'Functions.calculate'" in told
    assert "Trigger Details: MessageId" in told
    assert "tool.answered tool=calculate" in told
