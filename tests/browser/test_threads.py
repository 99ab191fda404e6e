"""The Threads page in a real browser: an id on the canvas is clicked, a thread is taken along and deleted."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure.ai.agents import AgentsClient
from playwright.sync_api import Page, expect

from commands.stack import Stack
from services.clients import LocalCredential

pytestmark = pytest.mark.browser
THREAD_X, FIRST_ROW_Y = 345, 52
TAGS = {"relaydeck": "pooled", "environment": "local"}
NASTY = "browser-test <img src=http://192.0.2.1/x> **bold**"


@pytest.fixture(scope="module")
def client(stack: Stack) -> Iterator[AgentsClient]:
    connection = stack.control.azure.connection
    with AgentsClient(
        connection.project_endpoint,
        LocalCredential(connection.token),
        connection_verify=connection.ca_file,
    ) as found:
        yield found


@pytest.fixture(scope="module")
def thread_id(client: AgentsClient) -> str:
    """The one thread that these tests see: the filter of open_list() leaves out all others."""
    thread = client.threads.create(metadata={**TAGS, "title": NASTY})
    client.messages.create(thread.id, role="user", content=NASTY)
    return thread.id


def open_list(tab: Page) -> None:
    tab.goto("/threads?threads-text=browser-test")
    expect(tab.get_by_text("1 to 1 of 1")).to_be_visible(timeout=45_000)


def test_a_click_on_a_threads_id_opens_it_and_the_list_stays_filtered(tab: Page, thread_id: str) -> None:
    open_list(tab)
    tab.get_by_test_id("stDataFrame").click(position={"x": THREAD_X, "y": FIRST_ROW_Y})
    expect(tab).to_have_url(re.compile(f"thread={thread_id}"))
    expect(tab.get_by_text("Conversation", exact=True)).to_be_visible()
    expect(tab.get_by_test_id("stChatMessage").get_by_text(NASTY)).to_be_visible()

    tab.get_by_role("button", name="All threads").click()
    expect(tab).to_have_url(re.compile("threads-text=browser-test"))
    expect(tab.get_by_text("1 to 1 of 1")).to_be_visible()


def test_a_thread_is_taken_along_as_a_file(tab: Page, thread_id: str) -> None:
    tab.goto(f"/threads?thread={thread_id}")
    tab.get_by_role("button", name="Export").click()
    tab.get_by_role("button", name="Prepare JSON").click()
    with tab.expect_download() as begun:
        tab.get_by_role("button", name=re.compile("Download")).click()
    found = json.loads(Path(begun.value.path()).read_text())

    assert begun.value.suggested_filename == f"relaydeck-{thread_id}.json"
    assert found["messages"][0]["text"] == NASTY


def test_a_thread_is_deleted_once_that_is_confirmed(tab: Page, thread_id: str, client: AgentsClient) -> None:
    open_list(tab)
    tab.goto(f"/threads?thread={thread_id}&threads-text=browser-test")
    tab.get_by_role("button", name="Delete").click()
    expect(tab.get_by_text("1 message and 0 runs go for good.")).to_be_visible()
    tab.get_by_role("button", name="Delete this thread").click()

    expect(
        tab.get_by_text("match (conversations)").or_(tab.get_by_text("no thread in this project"))
    ).to_be_visible()
    assert thread_id not in {thread.id for thread in client.threads.list()}
