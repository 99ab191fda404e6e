"""The Queues page: depths, pairs and messages, looked at and never taken."""

import base64
import json

import pytest
from azure.core.exceptions import ResourceExistsError
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.models import FunctionTool, QueueDepth
from services.monitor.pairs import others_of, pairs_of
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from ui import queue_messages

pytestmark = pytest.mark.usefixtures("without_workspace")
TOOL = FunctionTool("get_foo", "", {}, "clerk", "", "")
INPUT, OUTPUT = TOOL.input_queue, TOOL.output_queue


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.switch_page(str(ROOT / "pages" / "queues.py"))
    at.run()
    assert not at.exception
    return at


def put(queue: str, text: str) -> None:
    client = runtime.current()._clients.queues.get_queue_client(queue)
    try:
        client.create_queue()
    except ResourceExistsError:
        client.clear_messages()
    client.send_message(text)


def depth(name: str, messages: int = 0, age_s: float | None = None, state: str = "empty") -> QueueDepth:
    return QueueDepth(name, messages, age_s, state)  # type: ignore[arg-type]  # a state by name


def test_messages_are_shown_decoded_and_left_where_they_are(control: Control) -> None:
    body = {"name": "<b>x</b>", "CorrelationId": "corr-1"}
    put("shelf-input", base64.b64encode(json.dumps(body).encode()).decode())
    at = opened(queue="shelf-input")
    told = words(at).replace("\\", "")

    assert "First 1 of about 1" in told
    assert "shelf" in told
    assert runtime.current().services.queues.depth_of("shelf-input").messages == 1


def test_poison_is_named(control: Control) -> None:
    put("torn-input", "x")
    put("torn-input-poison", "given up")
    at = opened()

    assert "**:red[1]** given up on" in words(at)
    assert "has messages that were given up on" in words(at)


def test_without_a_workspace_the_page_says_that_there_is_no_history(control: Control) -> None:
    assert "No Log Analytics workspace is set" in words(opened())


def test_pausing_keeps_what_was_chosen(control: Control) -> None:
    put("shelf-input", "x")
    at = opened(queue="shelf-input", refresh="off")
    at.run()

    assert at.selectbox(key="queue").value == "shelf-input"
    assert "First 1 of about 1" in words(at)


def test_when_the_storage_account_refuses_the_page_says_so_and_recovers(control: Control) -> None:
    control.fail(operation="queues.list_queues", status=403, code="AuthorizationFailure", times=None)
    at = (
        opened()
    )  # and so are all others that list the queues meanwhile: a single refusal might meet one of those

    assert "HTTP 403" in words(at)
    control.clear_faults()
    at.button(key="retry-queues").click().run()
    assert "HTTP 403" not in words(at)


def test_a_queue_that_there_is_not_in_the_address_is_not_chosen(control: Control) -> None:
    assert opened(queue="no-such-queue").selectbox(key="queue").value is None


@pytest.mark.parametrize(
    ("depths", "state"),
    [
        ([depth(INPUT), depth(OUTPUT)], "idle"),
        ([depth(INPUT, 3, 2.0, "flowing"), depth(OUTPUT)], "flowing"),
        ([depth(INPUT, 3, 700.0, "stalled"), depth(OUTPUT)], "stalled"),
        ([depth(INPUT), depth(OUTPUT), depth(f"{INPUT}-poison", 2, 1.0, "poison")], "poison"),
        ([depth(INPUT)], "incomplete"),
        ([], "incomplete"),
    ],
)
def test_a_pair_is_as_well_as_its_worst_queue(depths: list[QueueDepth], state: str) -> None:
    (pair,) = pairs_of([TOOL], depths)
    assert (pair.state, pair.tool) == (state, "get_foo")
    assert others_of([pair], depths) == ()


def test_pairs_are_found_by_their_names_and_the_rest_is_not_lost() -> None:
    depths = [depth("a-input"), depth("a-output"), depth("b-output"), depth("loose")]
    pairs = pairs_of([], depths)

    assert sorted((pair.name, pair.state) for pair in pairs) == [("a", "idle"), ("b", "incomplete")]
    assert [one.name for one in others_of(pairs, depths)] == ["loose"]


def test_messages_that_are_all_hidden_are_not_called_none() -> None:
    assert "none visible" in queue_messages.heading(0, 12)
    assert queue_messages.heading(0, 0) == "No message waits here."
    assert "First 32 of about 1,204" in queue_messages.heading(32, 1204)
