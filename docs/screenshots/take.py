"""Takes the pictures of the tour: `python -m docs.screenshots.take [NAME …]`, every page in light and dark.

Everything is real: Local Azure, the function app, the dashboard, Chromium. Only the model's pace is set, one failure
is scripted, and the pages that watch show the demo history, which says so. Takes two to five minutes. The pictures are
small, as they have at most 256 colours; their names never change, so a new one shows as a change of the old.
"""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from commands.serve import tell_history
from commands.stack import Control, Stack, running
from commands.test import browser_flags, find_browser

HERE = Path(__file__).parent
WIDTH, HEIGHT, HIGHEST = 1440, 900, 1500
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
ANSWERED = re.compile(r"Answered in \d")
QUESTION = "What would foo say about the most prevalent element in the universe?"
EARLIER = (
    "What is 17.5 % of 2,480?",
    "Where is order A-1002?",
    "What would foo say about tea?",
    "What is 2 ** 31 - 1?",
)
TIMEOUT_MS, DRAWN_MS, LOOKED_MS = 30_000, 2_500, 8_000
COLOURS = 256


@dataclass(frozen=True, slots=True)
class Shot:
    """*name*: of the picture. *path*: of the page. *play* brings the opened page into the state that is shown."""

    name: str
    path: str
    play: Callable[[Page, Control], None]


def main(names: list[str]) -> int:
    program = find_browser()
    if program is None:
        sys.stderr.write("No Chromium or Chrome was found; name one in RELAYDECK_TEST_BROWSER.\n")
        return 1
    expect.set_options(timeout=TIMEOUT_MS)
    with tempfile.TemporaryDirectory() as state, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=browser_flags())
        with running(Path(state)) as stack:
            tell_history(Path(state))  # first: it is for a workspace that holds no answers
            trace = ask_some(browser, stack)
            for shot in shots(trace):
                if not names or shot.name in names:
                    for scheme in SCHEMES:
                        take(browser, stack, shot, scheme)
        browser.close()
    return 0


def shots(trace: str) -> tuple[Shot, ...]:
    """Return every picture. *trace*: the path of the trace of an answer."""
    watched = "range=24h&refresh=off"
    return (
        Shot("ask", "", play_answered),
        Shot("ask-failed", "", play_failed),
        Shot("overview", f"overview?{watched}", play_charts),
        Shot("runs", f"runs?{watched}", play_table),
        Shot("queues", f"queues?{watched}", play_charts),
        Shot("metrics", f"metrics?{watched}", play_charts),
        Shot("trace", trace, play_charts),
        Shot("agents", f"agents?{watched}", play_table),
        Shot("threads", "threads", play_table),
        Shot("doctor", "doctor", play_doctor),
        Shot("cleanup", "cleanup", play_cleanup),
        Shot("audit", f"audit?{watched}", play_table),
        Shot("faults", "faults", play_faults),
    )


def play_answered(page: Page, control: Control) -> None:
    control.pace(think_s=0.35, token_s=0.01)
    ask(page, QUESTION)
    expect(page.get_by_text(ANSWERED)).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()


def play_failed(page: Page, control: Control) -> None:
    control.fail(operation="foundry.create_run", status=403, code="PermissionDenied")
    ask(page, "Where is order A-1001?")
    expect(page.get_by_text("Failed after")).to_be_visible()


def play_charts(page: Page, control: Control) -> None:
    del control
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()


def play_table(page: Page, control: Control) -> None:
    del control
    expect(page.get_by_test_id("stDataFrame").first).to_be_visible()


def play_doctor(page: Page, control: Control) -> None:
    del control
    page.get_by_role("button", name="Run again").click()
    page.wait_for_timeout(LOOKED_MS)
    expect(page.get_by_text("Packages").first).to_be_visible()


def play_cleanup(page: Page, control: Control) -> None:
    del control
    page.get_by_role("button", name=re.compile("^Look ")).click()
    expect(page.get_by_role("button", name="Look again")).to_be_enabled()


def play_faults(page: Page, control: Control) -> None:
    del control
    expect(page.get_by_text("Cold start").first).to_be_visible()


def ask_some(browser: Browser, stack: Stack) -> str:
    """Ask a few things, as on a working day; return the path of the last one's trace, once its telemetry is there."""
    page = browser.new_page()
    for question in EARLIER:
        page.goto(stack.url)
        ask(page, question)
        expect(page.get_by_text(ANSWERED)).to_be_visible()
    page.goto(stack.url)
    play_answered(page, stack.control)
    link = page.get_by_role("link", name="Open trace").get_attribute("href") or ""
    page.goto(f"{stack.url}/{link}")
    expect(page.get_by_text("Output written")).to_be_visible()
    expect(page.get_by_text("from Log Analytics")).to_be_visible()
    page.close()
    stack.control.pace()
    return link


def take(browser: Browser, stack: Stack, shot: Shot, scheme: Scheme) -> None:
    with visited(browser, stack, scheme) as page:
        page.goto(f"/{shot.path}")
        expect(page.get_by_text(re.compile(r"ok · \d")).last).to_be_visible()
        shot.play(page, stack.control)
        page.wait_for_timeout(DRAWN_MS)
        if shot.path:  # Ask scrolls by itself; of the others as much as fits
            height_px: int = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
            page.set_viewport_size({"width": WIDTH, "height": max(HEIGHT, min(height_px, HIGHEST))})
            page.wait_for_timeout(DRAWN_MS)  # the charts fit themselves into their new places
        page.mouse.move(WIDTH - 5, 5)
        file = HERE / f"{shot.name}-{scheme}-{WIDTH}.png"
        page.screenshot(path=file)
        shrink(file)
    stack.control.pace()


@contextmanager
def visited(browser: Browser, stack: Stack, scheme: Scheme) -> Iterator[Page]:
    visitor = browser.new_context(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme=scheme,
        base_url=stack.url,
        reduced_motion="reduce",
    )
    try:
        yield visitor.new_page()
    finally:
        visitor.close()


def shrink(file: Path) -> None:
    """Give the picture a palette: a third of the bytes, and no difference that one sees."""
    with Image.open(file) as picture:
        small = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    small.save(file, optimize=True)


def ask(page: Page, question: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
