"""The Queues page with a workspace: what flows, how fast, in every state that its telemetry can be in."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.models import QueueDepth
from services.monitor.results import Row
from services.telemetry.sampler import PREFIX
from tests.pages.conftest import words
from tests.pages.test_queues import opened, put
from tests.pages.workspaces import Workspace, install, partial, refusal, table
from tests.scripted_server import Reply, ScriptedServer
from ui import context, queue_messages
from ui.charts import queues

QUEUE = "shelf-input"
PAGE = ("queue_history", "queue_rates", "queue_rates", "queue_waits")


@pytest.fixture
def workspace(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    put(QUEUE, "x")
    put("shelf-output", "x")
    return install(scripted, monkeypatch)


def minute(ago: int) -> str:
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=ago)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def fill(workspace: Workspace, arrived: int = 10, completed: int = 30) -> None:
    workspace.bodies = {
        "queue_history": table(
            "queue_history",
            [
                [minute(9), QUEUE, "relaydeck.queue.depth", 7.0, 4],
                [minute(9), QUEUE, "relaydeck.queue.oldest_age_s", 42.0, 4],
                [minute(2), QUEUE, "relaydeck.queue.depth", 3.0, 4],
            ],
        ),
        "queue_rates": table("queue_rates", [[minute(2), QUEUE, arrived, completed, 1]]),
        "queue_waits": table("queue_waits", [[QUEUE, 0.0, 95, 0], [QUEUE, 1.5, 5, 2]]),
    }


def charts(at: AppTest) -> int:
    return len(at.get("plotly_chart"))


def test_all_that_the_page_shows_comes_in_one_request(workspace: Workspace) -> None:
    """Four questions, one request: Log Analytics counts requests, and a page must not cost four."""
    fill(workspace)
    at = opened(refresh="off")
    told = words(at)

    assert [names for names in workspace.requests if "queue_waits" in names] == [PAGE]
    assert charts(at) == 3
    assert "6.0** a minute" in told and "2.2** a minute" in told
    assert "95 % of 100 messages waited less than 1.3 s" in told


def test_looking_at_another_pair_or_queue_asks_the_workspace_nothing(workspace: Workspace) -> None:
    fill(workspace)
    at = opened(refresh="off")
    before, depths = len(workspace.requests), context.all_depths()
    at.selectbox(key="pair").set_value(QUEUE).run()
    at.selectbox(key="queue").set_value("shelf-output").run()

    assert not at.exception
    assert len(workspace.requests) == before
    assert context.all_depths() == depths


def test_more_that_comes_in_than_is_finished_never_drains(workspace: Workspace) -> None:
    fill(workspace, arrived=50, completed=10)
    told = words(opened())
    assert "never at this rate" in told and "as much or more comes in than is finished" in told


def test_rates_that_cannot_be_read_are_not_known_and_never_zero(workspace: Workspace) -> None:
    """A refused query is not a queue without work."""
    workspace.whole = Reply(
        403,
        b'{"error":{"code":"InsufficientAccessError","message":"no"}}',
        {"Content-Type": "application/json"},
    )
    at = opened()
    told = words(at)

    assert "**not known** a minute" in told and "no telemetry tells the rates" in told
    assert "HTTP 403" in told
    assert "First" not in told and charts(at) == 0
    assert next(metric.value for metric in at.metric if metric.label == "Arrivals a minute") == "not known"
    assert next(metric.value for metric in at.metric if metric.label == "Messages") != "not known"


def test_one_query_that_fails_leaves_the_other_cards(workspace: Workspace) -> None:
    fill(workspace)
    workspace.bodies["queue_waits"] = refusal("SemanticError", "Failed to resolve table AppRequests")
    at = opened()

    assert charts(at) == 2
    assert "Failed to resolve table" in words(at)


def test_a_part_of_the_rows_is_drawn_and_called_a_part(workspace: Workspace) -> None:
    fill(workspace)
    rows = [[minute(9), QUEUE, "relaydeck.queue.depth", 7.0, 4]]
    workspace.bodies["queue_history"] = partial("queue_history", rows, "Result set too large")
    at = opened()

    assert charts(at) == 3
    assert "Only a part was read" in words(at)


def test_what_was_read_last_stays_when_the_workspace_asks_for_a_pause(workspace: Workspace) -> None:
    """Throttled: the page keeps what it has, says how old it is, and calls no rate of the past the present one."""
    fill(workspace)
    at = opened()
    workspace.whole = Reply(
        429,
        b'{"error":{"code":"TooManyRequests","message":"slow down"}}',
        {"Content-Type": "application/json", "Retry-After": "30"},
    )
    at.button(key="view-again").click().run()

    assert charts(at) == 3
    assert "This was read at" in words(at) and "slow down" in words(at)


def test_queues_that_were_empty_at_every_look_are_told_in_words(workspace: Workspace) -> None:
    workspace.bodies = {
        "queue_history": table("queue_history", [[minute(3), QUEUE, "relaydeck.queue.depth", 0.0, 4]])
    }
    told = words(opened())
    assert "Every queue was empty at each of 4 readings" in told
    assert "No function has taken a message in this range." in told


def test_a_page_that_is_html_is_no_empty_chart(workspace: Workspace) -> None:
    workspace.whole = Reply(200, b"<html>sign in</html>", {"Content-Type": "text/html"})
    at = opened()
    assert charts(at) == 0
    assert "No function has taken a message" not in words(at)
    assert "**not known** a minute" in words(at)


def test_a_message_leads_to_the_run_that_telemetry_knows(workspace: Workspace) -> None:
    """By its CorrelationId alone: the run may have been anybody's, and long over."""
    put(QUEUE, '{"name": "n", "CorrelationId": "c-1"}')
    workspace.bodies["message_runs"] = table("message_runs", [["c-1", "run_a", "thread_a"]])
    at = opened(queue=QUEUE)
    messages, _ = context.peeked(QUEUE)
    (owner,) = queue_messages.owners_of(messages).values()

    assert "First 1 of about 1" in words(at)
    assert (owner.run_id, owner.thread_id, owner.certainty) == ("run_a", "thread_a", "exact")
    assert workspace.asked_for("message_runs") == 1


@pytest.mark.parametrize(
    "parameters",
    [
        {"range": "10y"},
        {"range": "custom", "from": "2030-01-01T00:00:00Z", "to": "2031-01-01T00:00:00Z"},
        {"pair": '"| take 1'},
        {"queue": "../x", "pair": "<script>"},
    ],
    ids=["unit", "future", "kql", "markup"],
)
def test_an_address_that_makes_no_sense_is_shown_as_far_as_it_does(
    workspace: Workspace, parameters: dict[str, str]
) -> None:
    fill(workspace)
    at = opened(**parameters)
    assert charts(at) == 3
    assert all('"| take' not in str(names) for names in workspace.requests)


def test_the_page_at_rest_reads_depths_once_for_all(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred viewers cost what one costs. The sampler looks for itself, at the functions' queues alone."""
    looks: list[str] = []
    queues = runtime.current().services.queues
    real = queues.list_depths

    def counted(prefix: str = "") -> list[QueueDepth]:
        looks.append(prefix)
        return real(prefix)

    monkeypatch.setattr(queues, "list_depths", counted)
    opened(refresh="off")
    opened(refresh="off")
    assert [prefix for prefix in looks if prefix != PREFIX] == [""]


def test_a_chart_is_built_once_for_all_who_look_at_the_same(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[object] = []

    def waits(rows: Sequence[Row], theme: str) -> object:
        built.append(rows)
        return build(rows, theme)

    build = queues.waits
    monkeypatch.setattr(queues, "waits", waits)
    fill(workspace)
    first, second = opened(refresh="30s"), opened(refresh="30s")
    assert len(built) == 1
    one, other = (at.get("plotly_chart")[-1].proto.spec for at in (first, second))
    assert one == other

    fill(workspace, arrived=20)
    first.button(key="view-again").click().run()
    assert len(built) == 2, "another reading"
