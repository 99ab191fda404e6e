"""The Poison section in a real browser: rows are selected on a canvas, and actions confirmed where a person does."""

import base64
import contextlib
import json
from collections.abc import Iterator

import pytest
from azure.storage.queue import QueueServiceClient
from playwright.sync_api import Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from commands.stack import Stack
from services.clients import LocalCredential

pytestmark = pytest.mark.browser
SOURCE, POISON = "crates", "crates-poison"
HEAD_PX, ROW_PX, CHECK_X = 33, 33, 18


@pytest.fixture
def storage(stack: Stack) -> Iterator[QueueServiceClient]:
    """Three messages that were given up on; afterwards neither queue is left to other tests."""
    connection = stack.control.azure.connection
    with QueueServiceClient(
        connection.storage_endpoint, LocalCredential(connection.token), connection_verify=connection.ca_file
    ) as client:
        client.create_queue(SOURCE)
        poison = client.create_queue(POISON)
        for number in range(3):
            document = {"number": number, "CorrelationId": f"c-{number}"}
            poison.send_message(base64.b64encode(json.dumps(document).encode()).decode())
        yield client
        client.delete_queue(SOURCE)
        client.delete_queue(POISON)


def test_a_row_is_selected_explained_and_replayed(tab: Page, storage: QueueServiceClient) -> None:
    """The second row: a place that another message has as soon as it is gone."""
    address = f"/queues?refresh=off&poison={POISON}"
    table = tab.locator(".st-key-poison-table").get_by_test_id("stDataFrame")
    for _ in range(
        3
    ):  # all viewers share a reading of the queues for four seconds: it may be older than ours are
        tab.goto(address)
        expect(tab.get_by_text("Counts are approximate")).to_be_visible()
        with contextlib.suppress(PlaywrightTimeout):
            table.wait_for(timeout=4_000)
            break
    expect(tab.get_by_test_id("stSkeleton")).to_have_count(0)  # nothing moves any more
    table.scroll_into_view_if_needed()
    table.click(position={"x": CHECK_X, "y": HEAD_PX + ROW_PX + ROW_PX // 2})
    expect(tab.get_by_text("Why is it here?")).to_be_visible()
    tab.get_by_role("button", name="Replay 1 message").click()
    tab.get_by_role("button", name=f"Replay to {SOURCE}").click()

    expect(tab.get_by_text(f"1 message replayed to {SOURCE}.")).to_be_visible()
    expect(tab.get_by_text("2 messages, oldest first")).to_be_visible()
    expect(tab.get_by_text("Why is it here?")).not_to_be_visible()
    (sent,) = storage.get_queue_client(SOURCE).peek_messages(32)
    assert json.loads(base64.b64decode(sent.content)) == {"number": 1, "CorrelationId": "c-1"}
