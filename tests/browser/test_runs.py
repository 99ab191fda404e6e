"""The Runs page in a real browser: what is drawn on a canvas is clicked where a person would."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from commands.stack import Stack
from tests.run_rows import many, put

pytestmark = pytest.mark.browser
ROWS = 120
HEAD_PX, ROW_PX = 33, 33
RUN_X, STARTED_X, CHECK_X = 350, 215, 18


@pytest.fixture(scope="module", autouse=True)
def history(stack: Stack) -> None:
    put(stack.control.azure.connection, many(ROWS, datetime.now(UTC) - timedelta(seconds=30)))


def open_runs(tab: Page, query: str = "") -> Locator:
    """Open the page, paused, with only the rows of this test in it; return its table."""
    tab.goto(f"/runs?refresh=off&runs-text=run_row{query}")
    expect(tab.get_by_text(re.compile(r"\d+-\d+ of \d+"))).to_be_visible()
    table = tab.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    return table


def click_row(table: Locator, place: int, x: int) -> None:
    table.click(position={"x": x, "y": HEAD_PX + place * ROW_PX + ROW_PX // 2})


def test_a_click_on_a_runs_id_opens_its_trace(tab: Page) -> None:
    """The newest run stands first; what opens must be that run, in its conversation."""
    click_row(open_runs(tab), 0, RUN_X)

    expect(tab).to_have_url(re.compile(r"/trace\?run=run_row000119&thread=thread_rows"))


def test_the_same_place_on_another_page_is_another_run(tab: Page) -> None:
    table = open_runs(tab)
    tab.get_by_role("button", name="Next page").click()
    expect(tab.get_by_text("51-100 of 120")).to_be_visible()
    expect(tab).to_have_url(re.compile("runs-page=2"))
    click_row(table, 0, RUN_X)

    expect(tab).to_have_url(re.compile("/trace.run=run_row000069"))


def test_a_selected_run_is_in_the_address_and_stays_when_the_order_changes(tab: Page) -> None:
    table = open_runs(tab)
    click_row(table, 2, CHECK_X)
    expect(tab).to_have_url(re.compile("runs-run=run_row000117"))
    click_row(table, -1, STARTED_X)

    expect(tab).to_have_url(re.compile("runs-sort=oldest"))
    expect(tab).to_have_url(re.compile("runs-run=run_row000117"))


def test_dragging_across_the_bars_narrows_the_list(tab: Page) -> None:
    """And the way back is beside it."""
    open_runs(tab, "&range=15m")
    plot = tab.locator(".st-key-card-runs-histogram .nsewdrag").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    middle = box["y"] + box["height"] / 2
    tab.mouse.move(box["x"] + box["width"] * 0.55, middle)
    tab.mouse.down()
    tab.mouse.move(box["x"] + box["width"] * 0.7, middle, steps=5)
    tab.mouse.move(box["x"] + box["width"] * 0.8, middle, steps=5)
    tab.mouse.up()

    expect(tab).to_have_url(re.compile("runs-from=.*runs-to="))
    expect(tab.get_by_text(re.compile(r"1-\d\d of \d\d$"))).to_be_visible()
    tab.get_by_role("button", name="Marked:").click()
    expect(tab.get_by_text(f"1-50 of {ROWS}")).to_be_visible()
    expect(tab).not_to_have_url(re.compile("runs-from"))


def test_a_click_on_a_point_opens_its_trace(tab: Page) -> None:
    open_runs(tab, "&range=15m&runs-min=1.68")
    point = tab.locator(".st-key-card-runs-durations .scatterlayer .point").last
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    assert box is not None
    tab.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    expect(tab).to_have_url(re.compile(r"/trace\?run=run_row0001\d\d&thread=thread_rows"))


def test_filters_typed_by_a_person_go_into_the_address_and_out_again(tab: Page) -> None:
    open_runs(tab)
    tab.get_by_role("button", name="More filters").click()
    tab.get_by_label("Took at least, s").fill("1000")
    tab.get_by_label("Took at least, s").press("Enter")

    expect(tab).to_have_url(re.compile("runs-min=1000"))
    expect(tab.get_by_text(re.compile("^0 of .* runs match"))).to_be_visible()
    expect(tab.get_by_role("button", name="More filters: 1")).to_be_visible()
    tab.keyboard.press("Escape")
    tab.locator(".st-key-runs-clear-list").get_by_role("button").click()
    expect(tab).not_to_have_url(re.compile("runs-min|runs-text"))
    expect(tab.get_by_role("button", name="More filters", exact=True)).to_be_visible()
