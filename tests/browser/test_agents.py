"""The Agents page in a browser: the map is drawn, a row opens its agent, and the way back leads to the list."""

import re

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_the_map_is_drawn_and_an_agent_opens_from_it(tab: Page) -> None:
    """What a box says lies over the point that takes the click: a mouse clicks what lies on top."""
    tab.goto("/agents?refresh=off")
    chart = tab.get_by_test_id("stPlotlyChart")
    box = chart.locator(".textpoint text").filter(has_text="foo_bot")
    expect(box).to_be_visible()

    box.scroll_into_view_if_needed()
    place = box.bounding_box()
    assert place is not None
    tab.mouse.click(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)

    expect(tab).to_have_url(re.compile(r"[?&]agent=asst_"))
    expect(tab.get_by_role("heading", name="foo_bot")).to_be_visible()
    expect(tab.get_by_text("speaks for foo")).to_be_visible()

    tab.get_by_role("button", name="All agents").click()
    expect(tab.get_by_role("heading", name="Agents", exact=True)).to_be_visible()
    expect(tab).not_to_have_url(re.compile(r"[?&]agent="))


def test_a_row_opens_its_agent_and_an_update_is_reported(tab: Page) -> None:
    """What a callback says inside a fragment must appear without a redraw of the whole page."""
    tab.goto("/agents?refresh=off&agents-text=azure-function-foo-input")
    expect(tab.get_by_text("1-1 of 1")).to_be_visible()
    tab.get_by_role("button", name="Update the team").click()
    tab.get_by_role("button", name="Update", exact=True).click()
    expect(tab.get_by_text("Team: all was as it should be.")).to_be_visible()
    tab.keyboard.press("Escape")

    tab.get_by_test_id("stDataFrame").click(position={"x": 16, "y": 54})

    expect(tab).to_have_url(re.compile(r"[?&]agent=asst_"))
    expect(tab.get_by_role("heading", name="foo_bot")).to_be_visible()
