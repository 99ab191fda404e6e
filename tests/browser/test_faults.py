"""The Fault desk in the browser: a switch pressed on one page is seen on another, and ends from there."""

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from commands.stack import Stack

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def nothing_staged(stack: Stack) -> None:
    stack.control.clear_faults()


def switch_on(tab: Page, slug: str) -> None:
    tab.locator(f".st-key-fault-card-{slug}").get_by_role("button", name="Switch on").click()
    tab.locator(f".st-key-fault-on-{slug}").get_by_role("button").click()


def test_a_scenario_is_seen_on_every_tab_and_ended_from_another(visit: BrowserContext) -> None:
    """Whoever watches another page must not take it for real trouble."""
    watching, desk = visit.new_page(), visit.new_page()
    watching.goto("/queues")
    expect(watching.locator(".st-key-view-bar")).to_be_visible()
    desk.goto("/faults")
    switch_on(desk, "slow-network")
    card = desk.locator(".st-key-fault-card-slow-network")
    expect(card.get_by_text("On · 0.5 s")).to_be_visible()
    expect(desk.locator(".st-key-fault-bar-box")).to_contain_text("Slow network")

    seen = watching.locator(".st-key-fault-bar-box")
    expect(seen).to_contain_text("Staged trouble")
    seen.get_by_role("button", name="End all").click()
    expect(seen).to_have_count(0)
    expect(card.get_by_role("button", name="Switch on")).to_be_visible()


def test_the_desk_fits_a_narrow_window(tab: Page) -> None:
    tab.set_viewport_size({"width": 900, "height": 900})
    tab.goto("/faults")
    card = tab.locator(".st-key-fault-card-function-down")
    expect(card.get_by_role("link", name="Queues")).to_be_visible()
    wide = tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
