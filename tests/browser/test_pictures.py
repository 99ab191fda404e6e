"""Charts as pictures in Chromium: there before plotly is, with the words that plotly writes at the places where it writes them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from commands.serve import tell_history
from commands.stack import running

pytestmark = pytest.mark.browser
WATCHED = "/{name}?refresh=off&range=24h"
PLOTLY = re.compile(r"/static/js/.*[Pp]lotly")
PICTURED = {"overview": 4, "runs": 2, "queues": 3, "metrics": 1, "agents": 1, "trace": 1}
SIZE: Any = {"width": 1440, "height": 900}
NEAR_PX = 2.5
# Of each picture and of each chart: how large it is, and its words with the middle of each, from its own corner.
PICTURES = """
() => [...document.querySelectorAll('.picture')].map(picture => {
    const box = picture.getBoundingClientRect();
    const words = [...picture.querySelectorAll('.up small, .up span, .names span, .word, .across span, .across small, .legend span, .note')];
    return {
        size: [box.width, box.height],
        words: words.map(one => {
            const range = document.createRange();
            range.selectNodeContents(one);
            const {x, y, width, height} = range.getBoundingClientRect();
            const left = one.parentElement.className === 'legend' ? x + 35 : x; // with the sign before it
            return [one.innerText, (left + x + width) / 2 - box.x, y + height / 2 - box.y];
        }),
    };
})
"""
CHARTS = """
() => [...document.querySelectorAll('.js-plotly-plot')].map(chart => {
    const box = chart.getBoundingClientRect();
    const words = [...chart.querySelectorAll(
        'text[class*=title], g[class$="tick"] text, .textpoint text, .legendtext, .annotation-text-g text')];
    return {
        size: [box.width, box.height],
        words: words.filter(one => one.textContent).map(one => {
            const {x, y, width, height} = one.getBoundingClientRect();
            return [one.textContent, x + width / 2 - box.x, y + height / 2 - box.y];
        }),
    };
})
"""
Seen = list[dict[str, Any]]


@dataclass(frozen=True)
class Told:
    """A dashboard whose every page has something to draw: its address, and below it that of one answer's trace."""

    url: str
    trace: str

    def address(self, name: str) -> str:
        return self.trace if name == "trace" else WATCHED.format(name=name)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Told]:
    state = tmp_path_factory.mktemp("told")
    with running(state) as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(
                "RELAYDECK_SEED", "on"
            )  # which is off where tests count what they have put in themselves
            tell_history(state)
        yield Told(stack.url, past_trace(chromium, stack.url))


def past_trace(chromium: Browser, url: str) -> str:
    """Return where the trace of an answer of the past is: nothing comes to it any more."""
    with chromium.new_context(base_url=url) as context:
        page = context.new_page()
        page.goto(WATCHED.format(name="overview"))
        found = page.locator('.stPageLink a[href*="trace"]').first.get_attribute("href")
    assert found
    return found


@pytest.fixture
def page(chromium: Browser, told: Told) -> Iterator[Page]:
    with chromium.new_context(base_url=told.url, viewport=SIZE) as context:
        yield context.new_page()


def pictures(page: Page, told: Told, name: str) -> Seen:
    """Return the pictures of a page to which plotly never comes."""
    page.route(PLOTLY, lambda route: route.abort())
    page.goto(told.address(name))
    expect(page.locator("#draft")).to_have_count(0)
    expect(page.locator(".picture").filter(visible=True)).to_have_count(PICTURED[name])
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    found: Seen = page.evaluate(PICTURES)
    return found


def charts(page: Page, told: Told, name: str) -> Seen:
    page.goto(told.address(name))
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_visible()
    plots = page.locator(".js-plotly-plot").filter(has=page.locator(".cartesianlayer"))
    expect(plots.filter(visible=True)).to_have_count(PICTURED[name])
    expect(page.locator(".picture").filter(visible=True)).to_have_count(0)
    found: Seen = page.evaluate(CHARTS)
    return found


def in_order(words: list[list[Any]]) -> list[list[Any]]:
    plain = [["".join(str(text).split()), *place] for text, *place in words]
    return sorted(plain, key=lambda one: (one[0], round(one[2] / 8), one[1]))


def same(drawn: Seen, real: Seen) -> None:
    assert len(drawn) == len(real)
    for picture, chart in zip(drawn, real, strict=True):
        assert picture["size"] == pytest.approx(chart["size"], abs=1)
        ours, theirs = in_order(picture["words"]), in_order(chart["words"])
        assert [text for text, *_ in ours] == [text for text, *_ in theirs]
        for one, other in zip(ours, theirs, strict=True):
            assert one[1:] == pytest.approx(other[1:], abs=NEAR_PX), one[0]


@pytest.mark.parametrize("name", PICTURED)
def test_a_picture_says_what_its_chart_says_in_the_same_places(
    chromium: Browser, told: Told, page: Page, name: str
) -> None:
    drawn = pictures(page, told, name)
    with chromium.new_context(base_url=told.url, viewport=SIZE) as context:
        same(drawn, charts(context.new_page(), told, name))


def test_pictures_are_there_with_the_draft(page: Page, told: Told) -> None:
    page.route("**/static/js/index.*.js", lambda route: route.abort())
    page.goto(told.address("overview"), wait_until="commit")

    expect(page.locator("#draft .picture")).to_have_count(PICTURED["overview"])

    for seen in page.evaluate(PICTURES):
        assert seen["size"][0] > 300
        assert len(seen["words"]) > 4


def test_a_page_that_is_gone_to_has_charts_and_no_pictures(page: Page, told: Told) -> None:
    charts(page, told, "overview")
    page.get_by_test_id("stSidebarNavLink").filter(has_text="Runs").click()

    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    plots = page.locator(".js-plotly-plot").filter(has=page.locator(".cartesianlayer"))
    expect(plots).to_have_count(PICTURED["runs"])
    expect(page.locator(".picture")).to_have_count(0)
