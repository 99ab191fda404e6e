"""A page whose service is away comes right in front of whoever looks at it; they press nothing."""

import pytest
from playwright.sync_api import Page, expect

from commands.stack import Stack

pytestmark = pytest.mark.browser
BACK_MS = 40_000  # a breaker leaves the service alone for up to 18 s


def test_a_page_says_what_is_missing_and_comes_right_by_itself(tab: Page, stack: Stack) -> None:
    tab.goto("/")
    expect(tab.get_by_text("Ask a question, watch it travel")).to_be_visible()
    stack.control.fail(operation="foundry.*", kind="reset", times=100_000)
    try:
        tab.goto("/agents?agent=asst_unknown&refresh=off")
        failure = tab.get_by_test_id("stMain").get_by_text("Failing since").first
        expect(failure).to_be_visible()
    finally:
        stack.control.clear_faults()

    expect(tab.get_by_text("This agent does not exist, or no longer")).to_be_visible(timeout=BACK_MS)
    expect(failure).not_to_be_visible()


@pytest.mark.parametrize(("path", "status"), [("/livez", 200), ("/readyz", 200), ("/statusz", 200)])
def test_machines_are_answered_by_the_server_itself(tab: Page, path: str, status: int) -> None:
    """Unknown addresses answer 200 with the start page, so the body counts."""
    reply = tab.request.get(path)

    assert reply.status == status and reply.headers["cache-control"] == "no-store"
    assert reply.text() == "ok" if path != "/statusz" else reply.json()["status"] == "ok"
