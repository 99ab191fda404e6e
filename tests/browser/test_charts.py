"""Charts in a real browser, by plotly's script as we serve it: drawn, told of under the pointer, clicked and dragged over."""

import re
import time
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from commands.stack import Stack
from tests.run_rows import RunRow, put

pytestmark = pytest.mark.browser
ROWS = 120
ON_SCREEN = """() => ({
    charts: document.querySelectorAll('.js-plotly-plot .cartesianlayer').length,
    places: document.querySelectorAll('.stPlotlyChart').length,
    menu: document.querySelectorAll('[data-testid="stSidebarNavLink"]').length,
    figures: document.querySelectorAll('[data-testid="stMetricValue"], #draft output').length,
})"""
GROUND = ".nsewdrag"  # what lies over a chart's axes and takes the pointer


SIZES = """() => {  // of each chart, how wide it was drawn, each time
    const set = Element.prototype.setAttribute;
    self.sizes = new Map();
    Element.prototype.setAttribute = function (name, value) {
        if (name === 'width' && this.matches('.main-svg:first-child'))
            sizes.set(this, [...(sizes.get(this) ?? []), Math.round(value)]);
        return set.call(this, name, value);
    };
}"""
SIZED = (
    "() => [...document.querySelectorAll('.js-plotly-plot .main-svg:first-child')].map(one => sizes.get(one))"
)


class ChartedRow(RunRow):
    """Other tests of this Local Azure look for runs by the name of theirs."""

    @property
    def run_id(self) -> str:
        return f"run_charted{self.number:06}"


@pytest.fixture(scope="module", autouse=True)
def history(stack: Stack) -> None:
    newest = datetime.now(UTC) - timedelta(seconds=30)
    rows = [
        ChartedRow(
            number,
            newest - timedelta(seconds=5 * number),
            outcome="failed" if number % 10 == 9 else "answered",
        )
        for number in range(ROWS)
    ]
    put(stack.control.azure.connection, rows)


@pytest.fixture
def failures(tab: Page) -> list[str]:
    found: list[str] = []
    tab.on("pageerror", lambda error: found.append(str(error)))
    return found


def charts(tab: Page) -> Locator:
    return tab.locator(".js-plotly-plot").filter(has=tab.locator(".cartesianlayer"))


def middle(chart: Locator) -> tuple[float, float, float]:
    """Return the middle of a chart's ground, and a third of its width."""
    ground = chart.locator(GROUND).first
    ground.scroll_into_view_if_needed()
    box = ground.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, box["width"] / 3


@pytest.mark.parametrize(("page", "least"), [("overview", 2), ("runs", 2), ("agents", 1)])
def test_every_chart_of_a_page_is_drawn(tab: Page, failures: list[str], page: str, least: int) -> None:
    tab.goto(f"/{page}?refresh=off&range=1h")
    expect(charts(tab).nth(least - 1)).to_be_visible()
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")

    expect(charts(tab)).to_have_count(tab.locator(".stPlotlyChart").count())
    assert failures == []


def test_a_chart_is_drawn_once(tab: Page) -> None:
    """Streamlit's own way is three times: before its place has a width, in the colours of its theme, and as it is pressed."""
    tab.add_init_script(f"({SIZES})()")
    tab.goto("/overview?refresh=off&range=1h")
    for page in ("Overview", "Runs", "Agents"):  # the first one behind its pictures, the others by the menu
        if page != "Overview":
            tab.get_by_test_id("stSidebarNavLink").filter(has_text=page).click()
        expect(tab.get_by_role("heading", name=page, exact=True)).to_be_visible()
        expect(charts(tab).first).to_be_visible()
        expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
        expect(charts(tab)).to_have_count(tab.locator(".stPlotlyChart").count())
        time.sleep(0.5)  # any further time would come by then

        drawn: list[list[int]] = tab.evaluate(SIZED)
        widths = [round(one.bounding_box()["width"]) for one in charts(tab).all()]  # type: ignore[index]  # it is visible
        assert drawn == [[pytest.approx(width, abs=1)] for width in widths], page


@pytest.mark.parametrize("page", ["overview", "runs"])
def test_charts_come_after_the_text_and_the_menu_after_the_charts(tab: Page, page: str) -> None:
    """The browser's tellings are kept back until what must not have come yet could have."""
    seen: dict[str, dict[str, int]] = {}

    def keep_back(route: Route) -> None:
        time.sleep(0.3)
        seen[route.request.url.rpartition("/")[2]] = tab.evaluate(ON_SCREEN)
        route.continue_()

    tab.route(re.compile("/shown/"), keep_back)
    tab.goto(f"/{page}?refresh=off&range=1h")
    expect(tab.get_by_test_id("stSidebarNavLink").first).to_be_visible()

    assert seen["text"]["figures"] > 4
    assert seen["text"]["places"] == seen["text"]["menu"] == seen["charts"]["menu"] == 0
    assert seen["charts"]["charts"] == seen["charts"]["places"] > 1


def test_a_tab_pressed_before_the_charts_have_come_is_opened(tab: Page, failures: list[str]) -> None:
    """The browser tells nothing here, so the server still waits when it is pressed."""
    tab.route(re.compile("/shown/"), lambda route: route.abort())
    tab.goto("/metrics?refresh=off&range=7d")
    tab.get_by_role("tab", name="Busy hours").click()
    expect(tab.get_by_test_id("stSidebarNavLink")).to_have_count(0)

    expect(tab.locator(".heatmaplayer image").first).to_have_attribute("href", re.compile("^data:image/png"))
    expect(tab.get_by_test_id("stSidebarNavLink").first).to_be_visible()
    assert failures == []


def test_a_page_left_before_its_charts_have_come_makes_room_for_the_next(
    tab: Page, failures: list[str]
) -> None:
    tab.route(re.compile("/shown/"), lambda route: route.abort())
    tab.goto("/overview?refresh=off&range=1h")
    tab.get_by_test_id("stMain").get_by_role("link", name="Trace").first.click()
    expect(tab).to_have_url(re.compile("/trace"))

    expect(tab.get_by_role("heading", name="Overview")).to_have_count(0)
    expect(tab.get_by_test_id("stSidebarNavLink").first).to_be_visible()
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    assert failures == []


def test_the_hours_of_the_week_are_a_map_of_colours(tab: Page, failures: list[str]) -> None:
    tab.goto("/metrics?refresh=off&range=7d")
    tab.get_by_role("tab", name="Busy hours").click()

    expect(tab.locator(".heatmaplayer image").first).to_have_attribute("href", re.compile("^data:image/png"))
    assert failures == []


def test_the_pointer_over_bars_is_told_what_they_are(tab: Page, failures: list[str]) -> None:
    tab.goto("/runs?refresh=off&range=1h")
    expect(charts(tab).first).to_be_visible()
    x, y, third = middle(charts(tab).first)
    tab.mouse.move(x + third, y)
    tab.mouse.move(x + third + 2, y)

    expect(charts(tab).first.locator(".hoverlayer")).to_contain_text("answered")
    assert failures == []


def test_a_stretch_without_failures_is_not_told_those_of_the_next(tab: Page, failures: list[str]) -> None:
    """Only bars with a height are drawn."""
    tab.goto("/overview?refresh=off&range=1h")
    chart = tab.locator(".st-key-card-overview-outcomes .js-plotly-plot")
    expect(chart).to_be_visible()
    failed = {
        moment[11:19]
        for moment in chart.evaluate(
            "chart => chart.data.find(trace => trace.name === 'failed').x.map(String)"
        )
    }
    x, y, third = middle(chart)
    told: dict[str, bool] = {}
    for step in range(90):
        tab.mouse.move(x + third * step / 60, y)
        words = " ".join(chart.locator(".hoverlayer text").all_text_contents())
        if (at := re.search(r"\d\d:\d\d:\d\d", words)) is not None:
            told[at[0]] = "failed" in words

    assert {True, False} <= set(told.values())
    assert told == {at: at in failed for at in told}
    assert failures == []


def test_a_press_on_the_legend_takes_a_kind_of_bar_away(tab: Page, failures: list[str]) -> None:
    tab.goto("/runs?refresh=off&range=1h")
    bars = charts(tab).first.locator(".barlayer .trace")
    expect(bars.first).to_be_visible()
    before = bars.count()
    charts(tab).first.locator(".legendtoggle").first.click()

    expect(bars).to_have_count(before - 1)
    assert failures == []


def test_a_stretch_that_is_dragged_over_is_the_pages_stretch(tab: Page, failures: list[str]) -> None:
    tab.goto("/runs?refresh=off&range=1h")
    expect(charts(tab).first).to_be_visible()
    expect(tab.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    x, y, third = middle(charts(tab).first)
    tab.mouse.move(x - third, y)
    tab.mouse.down()
    tab.mouse.move(x, y, steps=4)
    tab.mouse.up()

    expect(tab).to_have_url(re.compile("runs-from="))
    assert failures == []
