"""A first visit in Chromium: the browser tells what is on its screen, and is sent the rest then."""

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, Request, expect

from commands.stack import Stack
from tests.waiting import wait_for
from ui import cards, shown

pytestmark = pytest.mark.browser
CHARTED = ("overview", "runs", "queues", "metrics", "agents")
UNCHARTED = ("", "trace", "threads", "cleanup", "audit", "faults", "doctor")
TEXT, CHARTS = (re.compile(rf"/shown/[0-9a-f]{{16}}/{part}$") for part in (shown.TEXT, shown.CHARTS))


def path_of(request: Request) -> str:
    return urlsplit(request.url).path


@pytest.mark.parametrize("name", [*CHARTED, *UNCHARTED])
def test_the_browser_tells_of_every_page_that_its_text_and_charts_are_shown(
    newcomer: Page, name: str
) -> None:
    """Else charts and menu would come when the server is tired of waiting."""
    with (
        newcomer.expect_request(lambda one: bool(TEXT.match(path_of(one)))),
        newcomer.expect_request(lambda one: bool(CHARTS.match(path_of(one)))) as drawn,
    ):
        newcomer.goto(f"/{name}?refresh=off" if name in CHARTED else f"/{name}")
    reply = drawn.value.response()
    assert reply is not None and reply.status == 204
    expect(newcomer.get_by_test_id("stSidebarNavLink").first).to_be_visible()


WATCH = """
window.seen = {};
new MutationObserver(() => {
    for (const sheet of document.querySelectorAll('.sheet')) {
        const {x, y, width, height} = sheet.getBoundingClientRect();
        const rows = [...sheet.querySelectorAll('[role=row]')];
        const texts = rows.map(row => [...row.querySelectorAll('[role=cell]')].map(cell => cell.innerText.trim()));
        if (height) window.seen = {place: [x, y, width, height], texts: texts.slice(1)};
    }
}).observe(document, {subtree: true, childList: true, attributes: true});
"""
NUMBER = re.compile(r"-?[\d.,]+")
CELLS = """
() => [...document.querySelectorAll('canvas [role=row]')].slice(1).map(
    row => [...row.querySelectorAll('[role=gridcell]')].map(cell => cell.innerText.trim()))
"""


@pytest.mark.parametrize("name", ["agents", "audit"])
def test_a_table_is_text_at_first_and_its_grid_says_the_same_in_the_same_place(
    newcomer: Page, name: str
) -> None:
    newcomer.add_init_script(WATCH)
    newcomer.set_viewport_size({"width": 1440, "height": 900})
    newcomer.goto(f"/{name}?refresh=off")
    grid = newcomer.get_by_test_id("stDataFrame")
    expect(grid.locator("canvas").first).to_be_visible()
    expect(newcomer.locator(".sheet")).to_be_hidden()
    expect(newcomer.get_by_test_id("stSkeleton")).to_have_count(0)

    seen, box = newcomer.evaluate("() => window.seen"), grid.bounding_box()
    assert box is not None
    assert seen["place"] == pytest.approx([box["x"], box["y"], box["width"], box["height"]], abs=1.5)
    wait_for(
        lambda: len(newcomer.evaluate(CELLS)) == len(seen["texts"])
    )  # readers of screens are told a little later
    for text, cells in zip(seen["texts"], newcomer.evaluate(CELLS), strict=True):
        assert cells[0] == text[0]
        # They hear no placeholder, and numbers without their form (tests/pages/test_sheet.py).
        words = [
            (told, cell)
            for told, cell in zip(text, cells, strict=False)
            if cell and not NUMBER.fullmatch(cell)
        ]
        assert len(words) > 2
        assert [told for told, _ in words] == [cell for _, cell in words]


def test_how_a_figure_is_computed_can_be_read_on_a_first_page(newcomer: Page) -> None:
    """What opens has come after the charts, in the place of a box."""
    newcomer.goto("/overview?refresh=off")
    card = newcomer.locator(".st-key-card-overview-parts")
    how = card.get_by_role("button", name="How this is computed")
    how.click()
    expect(newcomer.get_by_test_id("stPopoverBody").get_by_test_id("stCode")).to_contain_text("AppRequests")
    expect(card.get_by_test_id("stSkeleton")).to_have_count(0)
    place = how.bounding_box()
    assert place is not None
    assert (place["width"], place["height"]) == pytest.approx(
        (cards.HOW_WIDTH_PX, cards.HOW_HEIGHT_PX), abs=1
    )


def test_what_a_page_shows_is_read_before_the_browser_can_ask(newcomer: Page, stack: Stack) -> None:
    """One that never gets as far as a script has begun the reading by opening the page."""
    newcomer.route("**/static/**", lambda route: route.abort())
    before = stack.control.last_request()

    newcomer.goto("/metrics?range=6h&refresh=off")

    def asked() -> bool:
        return any(seen["operation"] == "monitor.query_batch" for seen in stack.control.requests(before))

    wait_for(asked)
