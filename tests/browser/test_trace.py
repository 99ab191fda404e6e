"""An answer's trace in the browser: from the question to the bars, with nothing replaced."""

import re

import pytest
from playwright.sync_api import Page, expect

from commands.stack import Stack
from tests.browser.test_ask import ANSWERED, SUM, SUM_VALUE, ask, open_ask

pytestmark = pytest.mark.browser
DIAGRAM_TIMEOUT_MS = 45_000  # its library is large, and loaded when it is first needed


def test_the_trace_of_an_answer_has_its_queue_wait_apart_from_the_execution(tab: Page, stack: Stack) -> None:
    """What no other tool shows: how long the message waited, and how long the function then took."""
    stack.control.pace(think_s=0.3)
    open_ask(tab)
    ask(tab, SUM)
    expect(tab.get_by_text(ANSWERED)).to_be_visible()
    tab.get_by_role("link", name="Open trace").click()

    expect(tab).to_have_url(re.compile(r"/trace\?.*run=run_\w+"))
    chart = tab.get_by_role("figure", name=re.compile("Waterfall of the run"))
    for row in ("input queue: wait", "function calculate"):
        expect(chart).to_contain_text(row)
    for hop in ("Enqueued", "Picked up", "Executed", "Output written", "Output read", "Run advanced"):
        expect(tab.get_by_text(hop, exact=True)).to_be_visible()


def test_each_part_of_a_trace_has_an_address_and_draws(tab: Page, stack: Stack) -> None:
    """A link to the sequence diagram shows the sequence diagram, to whoever opens it."""
    open_ask(tab)
    ask(tab, SUM)
    expect(tab.get_by_text(ANSWERED)).to_be_visible()
    tab.get_by_role("link", name="Open trace").click()
    parts = tab.get_by_test_id("stMain")
    parts.get_by_role("radio", name="Sequence").click()
    expect(tab).to_have_url(re.compile("show=Sequence"))
    tab.reload()

    diagram = tab.get_by_role("img", name="Who passed what to whom")
    expect(diagram).to_be_visible(timeout=DIAGRAM_TIMEOUT_MS)
    parts.get_by_role("radio", name="Conversation").click()
    expect(tab.get_by_test_id("stChatMessage").last).to_contain_text(SUM_VALUE)
