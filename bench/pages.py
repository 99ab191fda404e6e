"""How long each page takes in Chromium: the first visit against the smallest Streamlit app, and a switch between pages.

A first visit is a new browser profile with nothing cached, in a window that has come to rest; the clock is the browser's
own, from the start of the navigation, and nobody debugs the page (bench/browser.py). Readable: all KPIs and the text of
all tables, in the page or its draft. Seen: the charts too, by plotly or as the pictures that stand for them until then. Drawn: all charts by
plotly, as wide as they stay, so that one can point at them. Whole: the tables can be sorted and pressed too. Ours and the smallest app take turns,
over a day of demo history; so does, for each page, its floor: what Streamlit takes for as many KPIs, tables and charts with nothing else on the screen
(bench/floor_app.py). Far: with a workspace that takes FAR_S longer to answer than the one on this machine. A switch is a
click in the menu of a visitor who has seen every page once, until the new page can be read, and until its charts are
drawn too; a far one, when what was read for the page is too old to be left at that. Arize Phoenix and the MLflow tracing UI are measured alike, with as many traces, where they are installed
(bench/peers.py). What it does not measure: a network, a server with many viewers.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from bench import peers
from bench.browser import HEIGHT_PX, WIDTH_PX, unwatched
from bench.click import empty_app, open_answered
from bench.report import emit, header
from commands.serve import tell_history
from commands.stack import running
from commands.test import browser_flags, find_browser
from ui.view import RETURN_S

ROUNDS, SWITCHES, FAR_SWITCHES = 7, 12, 3
ANSWERS, LIST = 415, "runs"  # of the demo history; the page that lists them, as theirs do
FAR, FAR_S = "overview", 0.4
GOAL_READABLE, GOAL_DRAWN, GOAL_SWITCH_MS = 1.7, 2.6, 250.0
LOOK_EVERY_S, SAME, MOST_LOOKS = 0.4, 5, 60
# How many of each the page shows, less what a page left behind still has on the screen; a table can be read once its text
# is there or its grid is, which is drawn on a canvas; a chart can be seen once its picture is there, or the axes' layer of its
# plot. While there is a draft it covers the page.
COUNT = """
() => {
  const draft = document.querySelector('#draft');
  const all = what => [...(draft ?? document).querySelectorAll(what)].filter(one => !one.closest('[data-stale="true"]'));
  const grids = all('[data-testid="stDataFrame"]:has(canvas)');
  const plots = all('.js-plotly-plot .main-svg .cartesianlayer');
  return {
    text: all('[data-testid="stMain"] [data-testid="stMarkdownContainer"], #draft .said').length ? 1 : 0,
    kpis: all('[data-testid="stMetricValue"], #draft output').length,
    tables: all('.sheet').length + grids.filter(one => !one.closest('[class*="st-key-table-"]')?.querySelector('.sheet')).length,
    grids: grids.length,
    charts: all('.picture').length + plots.filter(one => !one.closest('[class*="st-key-chart-"]')?.querySelector('.picture')).length,
    plots: plots.length,
    widths: plots.map(one => Math.round(one.closest('.main-svg').getAttribute('width'))).sort().join(' '),
    frames: all('[data-testid="stDataFrame"]').length,
    figures: all('.js-plotly-plot').length,
    heading: all('[data-testid="stMain"] :is(h1, h2, h3)')[0]?.innerText ?? '',
    rests: !!document.querySelector('[data-testid="stApp"][data-test-script-state="notRunning"]'),
  };
}
"""
WAIT = """
wanted => new Promise((resolve, reject) => {
    const count = COUNT;
    const has = (now, names) => names.every(one => now[one] >= wanted[one]) && (names[0] !== 'plots' || wide(now));
    const wide = now => wanted.widths === undefined || now.widths === wanted.widths;
    const seen = [];
    const look = () => {
        const now = count();
        for (const names of [['text', 'kpis', 'tables'], ['charts'], ['plots'], ['grids']].slice(seen.length)) {
            if (!has(now, names)) break;
            seen.push(performance.now());
        }
        if (seen.length === 4) resolve(seen);
        else requestAnimationFrame(look);
    };
    setTimeout(() => reject(new Error('not drawn: ' + JSON.stringify([count(), wanted]))), 25000);
    look();
})
""".replace("COUNT", COUNT.strip())
# The page left behind stays on the screen until the new one's run has ended.
SWITCH = """
(link, wanted) => new Promise((resolve, reject) => {
    const count = COUNT;
    const found = document.querySelector(link);
    if (!found) { reject(new Error('no such link: ' + link)); return; }
    const began = performance.now();
    let readable = null;
    const look = () => {
        const now = count();
        const has = names => names.every(one => now[one] >= wanted[one]);
        if (now.heading === wanted.heading && has(['kpis', 'tables']) && readable === null)
            readable = performance.now() - began;
        if (readable !== null && now.rests && has(['charts', 'plots']) && now.widths === wanted.widths)
            resolve([readable, performance.now() - began]);
        else requestAnimationFrame(look);
    };
    setTimeout(() => reject(new Error('not drawn: ' + JSON.stringify([count(), wanted]))), 25000);
    found.click();
    requestAnimationFrame(look);
})
""".replace("COUNT", COUNT.strip())
ROWS = """
rows => new Promise((resolve, reject) => {
    const look = () => document.querySelector(rows) ? resolve(performance.now()) : requestAnimationFrame(look);
    setTimeout(() => reject(new Error('not drawn: ' + rows)), 25000);
    look();
})
"""
RESTS = """
() => new Promise(resolve => {
    const rests = '[data-testid="stApp"][data-test-script-state="notRunning"]';
    const look = () => document.querySelector(rests) ? setTimeout(resolve, 300) : setTimeout(look, 20);
    look();
})
"""
Counts = Mapping[str, int | str | bool]


@dataclass(frozen=True, slots=True)
class Screen:
    """*shows*: what of each kind it holds when it is whole."""

    name: str
    url: str
    shows: Counts


def main() -> int:
    program = find_browser()
    if program is None:
        print("No Chromium or Chrome was found; name one in RELAYDECK_TEST_BROWSER.", file=sys.stderr)
        return 1
    header("pages", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=browser_flags())
        state = Path(folder) / "state"
        with (
            running(state) as stack,
            empty_app(Path(folder)) as empty_url,
            empty_app(Path(folder), "bench/floor_app.py") as floor_url,
            peers.running(Path(folder), ANSWERS) as others,
        ):
            tell_history(state)
            trace = answered_trace(browser, stack.url)
            screens = [survey(browser, stack.url, name, path) for name, path in pages(trace).items()]
            floors = [survey(browser, floor_url, one.name, floor_of(one), one.shows) for one in screens]
            good = measure_first_visits(browser, empty_url, screens, floors, others)
            stack.control.fail(operation="monitor.query_batch", kind="slow", delay_s=FAR_S, times=None)
            measure_far(browser, empty_url, next(one for one in screens if one.name == FAR))
            measure_far_switches(browser, [one for one in screens if one.name not in ("trace", "threads")])
            stack.control.clear_faults()
            good &= measure_switches(browser, [one for one in screens if one.name != "trace"])
        browser.close()
    return 0 if good else 1


def answered_trace(browser: Browser, url: str) -> str:
    """Ask one question; return the path of its trace, once telemetry has brought the function's part."""
    context = browser.new_context(viewport={"width": WIDTH_PX, "height": HEIGHT_PX})
    with context, context.new_page() as page:
        open_answered(page, url)
        link = page.get_by_role("link", name="Open trace").get_attribute("href") or ""
        path = "/" + link.removeprefix("/")
        page.goto(url + path)
        page.locator(".js-plotly-plot .main-svg").first.wait_for()
    return path


def pages(trace: str) -> dict[str, str]:
    names = ("overview", "runs", "queues", "metrics", "agents")
    watched = {name: f"/{name}?refresh=off&range=24h" for name in names}
    return {**watched, "threads": "/threads", "trace": trace}


def survey(browser: Browser, url: str, name: str, path: str, like: Counts | None = None) -> Screen:
    """Return what the page shows once it has come to rest; the visit also warms the server's caches.

    *like*: what another page shows, of which this one is to have as much before it counts as at rest.
    """
    with unwatched(browser) as page:
        page.goto(url + path)
        seen: list[dict[str, int]] = []
        while (
            len(seen) < SAME or any(one != seen[-1] for one in seen[-SAME:]) or not is_whole(seen[-1], like)
        ):
            if len(seen) > MOST_LOOKS:
                raise RuntimeError(f"{name} does not come to rest, or has nothing to measure: {seen[-1]}")
            time.sleep(LOOK_EVERY_S)
            seen.append(page.evaluate(COUNT))
    return Screen(name, url + path, seen[-1])


def floor_of(screen: Screen) -> str:
    """Return the address, below the floor app's, of a page that shows as much as *screen*."""
    return "/?kpis={kpis}&tables={frames}&charts={figures}".format(**screen.shows)


def is_whole(shows: Mapping[str, int], like: Counts | None) -> bool:
    if like is not None and any(shows[name] != like[name] for name in ("kpis", "frames", "figures")):
        return False
    drawn = shows["plots"] >= shows["figures"] and shows["grids"] >= shows["frames"]
    return bool(
        drawn and shows["rests"] and shows["heading"] and shows["kpis"] + shows["tables"] + shows["charts"]
    )


def measure_first_visits(
    browser: Browser,
    empty_url: str,
    screens: list[Screen],
    floors: list[Screen],
    others: Sequence[peers.Running],
) -> bool:
    smallest: list[float] = []
    readable: dict[str, list[float]] = {}
    seen_at: dict[str, list[float]] = {}
    drawn: dict[str, list[float]] = {}
    whole: dict[str, list[float]] = {}
    theirs: dict[str, list[float]] = {}
    every = [*((one.name, one) for one in screens), *((f"{one.name}.floor", one) for one in floors)]
    for _ in range(ROUNDS):
        smallest.append(first_visit(browser, empty_url, {"text": 1})[0])
        for name, screen in every:
            seen = first_visit(browser, screen.url, screen.shows)
            readable.setdefault(name, []).append(seen[0])
            seen_at.setdefault(name, []).append(seen[1])
            drawn.setdefault(name, []).append(seen[2])
            whole.setdefault(name, []).append(seen[3])
        for peer in others:
            theirs.setdefault(peer.name, []).append(peer_visit(browser, peer))
    base = statistics.median(smallest)
    emit("pages.smallest_app", base, "ms", None, smallest)
    good = []
    for name, _ in every:
        for what, samples, goal in (
            ("readable", readable[name], GOAL_READABLE),
            ("seen", seen_at[name], None),
            ("drawn", drawn[name], GOAL_DRAWN),
            ("whole", whole[name], None),
        ):
            ratios = [ours / theirs for ours, theirs in zip(samples, smallest, strict=True)]
            ratio = statistics.median(samples) / base
            held_to = None if name.endswith(".floor") else goal
            good.append(emit(f"pages.{name}.{what}", ratio, "x", held_to, ratios, lower_is_better=True))
    listed = readable[LIST]
    for name, samples in theirs.items():
        emit(f"pages.{name}", statistics.median(samples), "ms", None, samples)
        ratios = [ours / other for ours, other in zip(listed, samples, strict=True)]
        ratio = statistics.median(listed) / statistics.median(samples)
        good.append(emit(f"pages.{LIST}_against_{name}", ratio, "x", 1.0, ratios, lower_is_better=True))
    return all(good)


def first_visit(browser: Browser, url: str, shows: Counts) -> list[float]:
    """Return when everything could be read, when the charts could be seen too, when each was its plot, and when each table was its
    grid, in ms since the navigation began."""
    with unwatched(browser) as page:
        page.goto(url)
        seen: list[float] = page.evaluate(
            WAIT, {"kpis": 0, "tables": 0, "charts": 0, "grids": 0, "plots": 0, **shows}
        )
        return seen


def measure_far(browser: Browser, empty_url: str, screen: Screen) -> None:
    """No goal: nobody has said how long a workspace may take."""
    smallest, readable = [], []
    for _ in range(ROUNDS):
        smallest.append(first_visit(browser, empty_url, {"text": 1})[0])
        readable.append(first_visit(browser, screen.url, screen.shows)[0])
    ratios = [ours / theirs for ours, theirs in zip(readable, smallest, strict=True)]
    ratio = statistics.median(readable) / statistics.median(smallest)
    emit(f"pages.{screen.name}.far.readable", ratio, "x", None, ratios)


def peer_visit(browser: Browser, peer: peers.Running) -> float:
    """Return when another tool's list of traces could be read, in ms since the navigation began."""
    with unwatched(browser) as page:
        page.goto(peer.url)
        now_ms: float = page.evaluate(ROWS, peer.rows)
        return now_ms


def measure_switches(browser: Browser, screens: list[Screen]) -> bool:
    """A page has changed when its charts are there; when it can be read is told beside."""
    read, drawn = switches(browser, screens, SWITCHES)
    for name in read:
        emit(f"pages.switch_to_{name}", statistics.median(drawn[name]), "ms", None, drawn[name])
        emit(f"pages.switch_to_{name}_readable", statistics.median(read[name]), "ms", None, read[name])
    every = [sample for samples in read.values() for sample in samples]
    emit("pages.switch_readable", statistics.median(every), "ms", None, every)
    every = [sample for samples in drawn.values() for sample in samples]
    return emit("pages.switch", statistics.median(every), "ms", GOAL_SWITCH_MS, every, lower_is_better=True)


def measure_far_switches(browser: Browser, screens: list[Screen]) -> None:
    """What each page showed is too old by then to be shown for long, and is read anew."""
    read, _ = switches(browser, screens, FAR_SWITCHES, rest_s=RETURN_S + 1.0)
    every = [sample for samples in read.values() for sample in samples]
    emit("pages.far.switch_readable", statistics.median(every), "ms", None, every)


def switches(
    browser: Browser, screens: list[Screen], rounds: int, rest_s: float = 0.0
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Go round the pages by the menu, *rest_s* before each round. Return in ms how long each took, until it could be read
    and until its charts were drawn."""
    read: dict[str, list[float]] = {screen.name: [] for screen in screens}
    drawn: dict[str, list[float]] = {screen.name: [] for screen in screens}
    with unwatched(browser) as page:
        page.goto(screens[-1].url)
        for place in range((rounds + 1) * len(screens)):
            screen = screens[place % len(screens)]
            if place % len(screens) == 0:
                time.sleep(rest_s)
            page.evaluate(RESTS)
            link = f'[data-testid="stSidebarNavLink"][href*="/{screen.name}"]'
            seen: list[float] = page.evaluate(SWITCH, link, screen.shows)
            if place >= len(screens):  # the first round loads what the browser then keeps
                read[screen.name].append(seen[0])
                drawn[screen.name].append(seen[1])
    return read, drawn


if __name__ == "__main__":
    sys.exit(main())
