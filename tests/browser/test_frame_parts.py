"""What stands around every page: the health of the parts, and what the browser fetches while one reads."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from commands.stack import Stack
from ui.prefetch import UNCHARTED, read_manifest, scripts

pytestmark = pytest.mark.browser
FETCHED = "() => performance.getEntriesByType('resource').some(one => one.name.includes('PlotlyChart.'))"


def test_a_check_that_takes_long_ends_by_itself(tab: Page, stack: Stack) -> None:
    """Longer than the page waits for it: then a timer looks again, and stops once the check has ended."""
    sent: list[str] = []
    tab.on("websocket", lambda socket: socket.on("framesent", lambda _: sent.append("frame")))
    tab.goto("/")
    again = tab.get_by_role("button", name="Check again")
    expect(again).to_be_enabled()
    stack.control.fail(operation="foundry.list_agents", kind="slow", delay_s=3.5)
    again.click()

    expect(again).to_be_disabled()
    expect(again).to_be_enabled()
    expect(tab.get_by_text(re.compile(r"ok · \d\d:\d\d:\d\d")).first).to_be_visible()
    tab.wait_for_timeout(700)  # the last redraw's own messages
    before = len(sent)
    tab.wait_for_timeout(1_500)  # three ticks of the timer that there must not be any more
    assert before and len(sent) == before


def test_a_part_that_is_away_is_named_and_comes_back(tab: Page, stack: Stack) -> None:
    tab.goto("/")
    again = tab.get_by_role("button", name="Check again")
    expect(again).to_be_enabled()
    stack.control.fail(operation="foundry.list_agents", status=403, code="PermissionDenied")
    again.click()
    expect(tab.get_by_text(re.compile(r"down · \d"))).to_be_visible()

    expect(again).to_be_enabled()
    again.click()
    expect(tab.get_by_text(re.compile(r"down · \d"))).to_be_hidden()


def test_the_scripts_of_charts_and_tables_are_there_by_the_time_they_are_needed(
    chromium: Browser, stack: Stack
) -> None:
    """Fetched while the first page is read, and not once more for the first chart."""
    names = {Path(path).name.partition(".")[0] for path in scripts(read_manifest(), UNCHARTED)}
    assert set(UNCHARTED) <= names  # this release has them all
    context = chromium.new_context(base_url=stack.url)
    tab, loads = context.new_page(), list[str]()

    def note(response: Response) -> None:
        name = Path(urlsplit(response.url).path).name
        if name.startswith("PlotlyChart.") and not response.from_service_worker:
            loads.append(name)

    tab.on("response", note)
    tab.goto("/")
    tab.wait_for_function(FETCHED)
    tab.get_by_test_id("stSidebarNav").get_by_role("link", name="Queues").click()
    expect(tab.get_by_role("heading", name="Queues")).to_be_visible()
    sizes = tab.evaluate(
        "() => performance.getEntriesByType('resource').filter(one => one.name.includes('PlotlyChart.'))"
        ".map(one => one.transferSize)"
    )
    context.close()

    assert loads and sum(size > 300_000 for size in sizes) <= 1


def test_where_charts_come_at_once_plotly_is_not_asked_for_before_the_text(tab: Page) -> None:
    """Its script would only keep the browser from drawing it; the small ones that draw the text come with the page."""
    first, overview = (tab.request.get(path) for path in ("/", "/overview"))
    named = re.findall(r'<link data-wave="(\d)" href="\./static/js/(\w+)', overview.text())

    assert "PlotlyChart." in first.headers["link"] and '<link data-wave="' not in first.text()
    assert {("1", "Metric"), ("2", "PlotlyChart"), ("3", "Selectbox")} <= set(named)
    assert "link" not in overview.headers


def test_what_a_page_is_drawn_with_is_asked_for_once_the_front_end_has_found_its_server(tab: Page) -> None:
    """Before that it would keep the front end itself waiting; without it, each kind of element would be asked for late."""
    tab.goto("/overview?refresh=off")
    expect(tab.get_by_role("heading", name="Overview")).to_be_visible()
    tab.wait_for_function(
        FETCHED.replace("PlotlyChart.", "Selectbox.")
    )  # in the last wave, and not on the page itself
    began = tab.evaluate(
        "() => Object.fromEntries(performance.getEntriesByType('resource')"
        ".map(one => [new URL(one.name).pathname.split('/').pop().split('.')[0], one.startTime]))"
    )

    assert began["index"] < began["health"] < began["Metric"] < began["Selectbox"]


def test_a_deep_link_finds_its_server_at_once(chromium: Browser, stack: Stack) -> None:
    """Told by the page itself; else the browser looks below the page's own address first, is refused, and waits."""
    context = chromium.new_context(base_url=stack.url)
    tab, asked = context.new_page(), list[str]()
    complaints: list[str] = []
    tab.on("request", lambda request: asked.append(urlsplit(request.url).path))
    tab.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
    tab.goto("/queues?refresh=off")
    expect(tab.get_by_role("heading", name="Queues")).to_be_visible()
    context.close()

    assert [path for path in asked if path.endswith("_stcore/health")] == ["/_stcore/health"]
    assert complaints == []  # the policy lets the page's own script run
