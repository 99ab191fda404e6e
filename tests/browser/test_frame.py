"""The bar above the pages that watch, in the browser: its address, its memory, and its pause."""

import re

import pytest
from playwright.sync_api import Locator, Page, WebSocket, expect

from commands.stack import Stack
from ui.view import RETURN_S

pytestmark = pytest.mark.browser
SLOW_S = 3.0  # longer than a page waits
QUIET_MS = 6_500  # longer than the refresh of five seconds


def bar(tab: Page) -> Locator:
    return tab.locator(".st-key-view-bar")


def press(tab: Page, word: str) -> None:
    bar(tab).get_by_role("radio", name=word, exact=True).click()


def expect_chosen(tab: Page, *words: str) -> None:
    for word in words:
        expect(bar(tab).get_by_role("radio", name=word, exact=True)).to_be_checked()


def open_page(tab: Page, address: str) -> None:
    tab.goto(address)
    expect(bar(tab)).to_be_visible()


def go(tab: Page, title: str) -> None:
    tab.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True).click()


def test_the_address_says_what_is_shown_and_survives_the_menu_and_a_reload(tab: Page) -> None:
    """The menu drops everything behind the question mark; a colleague who gets the link would see something else."""
    open_page(tab, "/overview")
    press(tab, "6 h")
    expect(tab).to_have_url(re.compile(r"/overview\?range=6h$"))
    press(tab, "UTC")
    expect(tab).to_have_url(re.compile(r"/overview\?range=6h&zone=utc$"))

    go(tab, "Queues")
    expect(tab).to_have_url(re.compile(r"/queues\?range=6h&zone=utc$"))
    expect_chosen(tab, "6 h", "UTC")
    go(tab, "Ask")
    expect(tab).to_have_url(re.compile(r"/$"))
    go(tab, "Overview")
    expect(tab).to_have_url(re.compile(r"/overview\?range=6h&zone=utc$"))

    tab.reload()
    expect_chosen(tab, "6 h", "UTC")
    expect(tab).to_have_url(re.compile(r"/overview\?range=6h&zone=utc$"))


def test_a_page_gone_back_to_shows_what_it_showed_and_then_by_itself_what_is_new(
    tab: Page, stack: Stack
) -> None:
    open_page(tab, "/runs?refresh=off")
    source = tab.locator(".st-key-card-runs-list").get_by_text("read at")
    expect(source).to_be_visible()
    before = source.inner_text()
    go(tab, "Ask")
    tab.wait_for_timeout(1000 * (RETURN_S + 1))
    stack.control.fail(operation="monitor.query_batch", kind="slow", delay_s=SLOW_S, times=None)
    try:
        go(tab, "Runs")
        expect(source).to_have_text(before)
        assert tab.get_by_text("cannot be now").count() == 0, "nobody waited for the workspace in vain"
        expect(source).not_to_have_text(before)
    finally:
        stack.control.clear_faults()


def test_going_back_goes_back(tab: Page) -> None:
    """What is put back into the address must not catch the reader on this page."""
    open_page(tab, "/overview")
    press(tab, "6 h")
    expect(tab).to_have_url(re.compile(r"range=6h"))
    press(tab, "24 h")
    expect(tab).to_have_url(re.compile(r"range=24h"))
    tab.go_back()
    expect(tab).to_have_url(re.compile(r"range=6h"))
    expect_chosen(tab, "6 h")
    tab.go_back()
    expect(tab).to_have_url(re.compile(r"/overview(\?range=6h)?$"))


def test_two_times_make_a_range_that_a_link_holds(tab: Page) -> None:
    open_page(tab, "/overview?zone=utc")
    bar(tab).get_by_test_id("stPopover").get_by_role("button").click()
    tab.get_by_role("button", name="Show this range").click()

    expect(tab).to_have_url(re.compile(r"zone=utc&range=custom&from=2\d{3}-.*&to=2\d{3}-.*$"))
    expect(tab.get_by_role("button", name="Show this range")).to_be_hidden()
    expect(bar(tab).get_by_test_id("stPopover")).to_contain_text(re.compile(r"\d\d:\d\d to .*\d\d:\d\d"))
    expect(bar(tab).get_by_role("radio", name="5 s", exact=True)).to_be_disabled()

    press(tab, "15 m")
    expect(tab).to_have_url(re.compile(r"/overview\?zone=utc&range=15m$"))


def test_what_the_page_keeps_in_the_address_stays_true(tab: Page) -> None:
    """The page's own choices are in the address too, written by their widgets; a press of the bar must not undo them."""
    first = "azure-function-calculate-input"
    open_page(tab, f"/queues?queue={first}&range=6h")
    chosen = tab.get_by_test_id("stSelectbox").filter(has_text="Messages of")
    expect(chosen.get_by_role("combobox")).to_have_value(first)
    press(tab, "24 h")
    expect(tab).to_have_url(re.compile(rf"(?=.*range=24h)(?=.*queue={first})"))
    expect(chosen.get_by_role("combobox")).to_have_value(first)


def test_pause_stops_the_redraws_and_keeps_where_the_reader_is(tab: Page) -> None:
    sent: list[str | bytes] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: sent.append(frame))

    tab.on("websocket", watch)
    tab.set_viewport_size({"width": 1280, "height": 500})
    open_page(tab, "/overview?refresh=5s")
    tab.wait_for_timeout(1_000)  # the page's own beginnings
    before = len(sent)
    tab.wait_for_timeout(QUIET_MS)
    assert len(sent) > before, "it is read again by itself"

    bar(tab).get_by_role("radio").nth(5).click()
    expect(tab).to_have_url(re.compile(r"refresh=off"))
    main = tab.get_by_test_id("stMain")
    main.evaluate("element => element.scrollTo(0, 300)")
    tab.wait_for_timeout(1_500)  # what the press itself brings
    before, place = len(sent), main.evaluate("element => element.scrollTop")
    assert place > 0
    tab.wait_for_timeout(QUIET_MS)
    assert len(sent) == before, "paused, nothing is sent"
    assert main.evaluate("element => element.scrollTop") == place


def test_an_id_is_looked_for_from_any_of_these_pages(tab: Page) -> None:
    open_page(tab, "/queues?range=6h")
    box = bar(tab).get_by_placeholder("Find any id")
    box.fill("run_nope")
    box.press("Enter")
    expect(tab.get_by_text("There is no run run_nope in the telemetry")).to_be_visible()
    expect(tab).to_have_url(re.compile(r"range=6h"))


def test_the_bar_is_one_row_where_there_is_room_and_never_wider_than_the_page(tab: Page) -> None:
    tab.set_viewport_size({"width": 1440, "height": 800})
    open_page(tab, "/queues")
    expect(bar(tab).get_by_placeholder("Find any id")).to_be_visible()
    box = bar(tab).bounding_box()
    assert box is not None and box["height"] < 60
    tab.set_viewport_size({"width": 900, "height": 800})
    tab.wait_for_timeout(500)  # the layout follows
    box = bar(tab).bounding_box()
    assert box is not None and box["height"] < 180
    overflow = "element => element.scrollWidth - element.clientWidth"
    assert tab.get_by_test_id("stMain").evaluate(overflow) <= 0
