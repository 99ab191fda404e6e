"""Takes the pictures of the pages: `python -m docs.screenshots.take [FOLDER]`, in light and dark, wide and narrow.

Everything is real: Local Azure, the function app, the dashboard, Chromium. Only the model's pace is set, one failure
is scripted, and the pages that watch show the demo history, which says so.
"""

import os
import re
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, expect, sync_playwright

from commands.serve import tell_history
from commands.stack import Control, Stack, running
from commands.test import find_browser

HERE = Path(__file__).parent
HEIGHT, WIDTHS = 900, (1440, 900)
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
TIMEOUT_MS = 30_000
WATCHING = tuple(f"{page}?range=24h&refresh=off" for page in ("overview", "runs", "queues", "metrics"))
HIGHEST, DRAWN_MS = 2_600, 2_500


@dataclass(frozen=True, slots=True)
class Scene:
    """*play* brings an opened Ask page into the state that the picture shows."""

    name: str
    play: Callable[[Page, Control], None]


def play_empty(page: Page, control: Control) -> None:
    del control
    expect(page.get_by_text("Try one of these")).to_be_visible()


def play_running(page: Page, control: Control) -> None:
    control.pace(think_s=0.4, token_s=0.12)
    ask(page, QUESTION)
    expect(page.get_by_text("Writing the answer")).to_be_visible()
    expect(page.get_by_test_id("stChatMessage").last).to_contain_text("Foo says The most")


def play_answered(page: Page, control: Control) -> None:
    control.pace(think_s=0.35, token_s=0.01)
    ask(page, QUESTION)
    expect(page.get_by_text(ANSWERED)).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_be_visible()


def play_failed(page: Page, control: Control) -> None:
    control.fail(operation="foundry.create_run", status=403, code="PermissionDenied")
    ask(page, "Where is order A-1001?")
    expect(page.get_by_text("Failed after")).to_be_visible()


SCENES = (
    Scene("empty", play_empty),
    Scene("answered", play_answered),
    Scene("running", play_running),
    Scene("failed", play_failed),
)


def main(arguments: list[str]) -> int:
    program = find_browser()
    if program is None:
        sys.stderr.write("No Chromium or Chrome was found; name one in RELAYDECK_TEST_BROWSER.\n")
        return 1
    folder = Path(arguments[0]) if arguments else HERE
    folder.mkdir(parents=True, exist_ok=True)
    expect.set_options(timeout=TIMEOUT_MS)
    flags = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory() as state, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        with running(Path(state)) as stack:
            tell_history(Path(state))  # first: it is for a workspace that holds no answers
            fill_history(browser, stack)
            for scene in SCENES:
                for scheme in SCHEMES:
                    for width in WIDTHS:
                        take(browser, stack, scene, scheme, width, folder)
            for path in (*WATCHING, trace_of_an_answer(browser, stack)):
                for scheme in SCHEMES:
                    for width in WIDTHS:
                        take_whole(browser, stack, path, scheme, width, folder)
        browser.close()
    return 0


def fill_history(browser: Browser, stack: Stack) -> None:
    """Ask a few things first, so that the list of conversations looks as it does on a working day."""
    page = browser.new_page()
    for question in EARLIER:
        page.goto(stack.url)
        ask(page, question)
        expect(page.get_by_text(ANSWERED)).to_be_visible()
    page.close()


def take(browser: Browser, stack: Stack, scene: Scene, scheme: Scheme, width: int, folder: Path) -> None:
    visitor = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,
        base_url=stack.url,
        reduced_motion="reduce",
    )
    page = visitor.new_page()
    page.goto("/")
    expect(page.get_by_test_id("stChatInputTextArea")).to_be_visible()
    expect(page.get_by_text("Function app")).to_be_visible()
    expect(page.get_by_text(re.compile(r"ok · \d")).last).to_be_visible()
    scene.play(page, stack.control)
    page.mouse.move(width - 5, 5)
    page.screenshot(path=folder / f"ask-{scene.name}-{scheme}-{width}.png")
    stack.control.pace()
    visitor.close()


def trace_of_an_answer(browser: Browser, stack: Stack) -> str:
    """Ask one more; return the path of its trace, which its telemetry has reached."""
    page = browser.new_page()
    page.goto(stack.url)
    play_answered(page, stack.control)
    link = page.get_by_role("link", name="Open trace").get_attribute("href") or ""
    page.goto(f"{stack.url}/{link}")
    expect(page.get_by_text("Output written")).to_be_visible()
    expect(page.get_by_text("from Log Analytics")).to_be_visible()
    page.close()
    stack.control.pace()
    return link


def take_whole(browser: Browser, stack: Stack, path: str, scheme: Scheme, width: int, folder: Path) -> None:
    """Take the whole page, as long as it is."""
    visitor = browser.new_context(
        viewport={"width": width, "height": HEIGHT},
        color_scheme=scheme,
        base_url=stack.url,
        reduced_motion="reduce",
    )
    page = visitor.new_page()
    page.goto(f"/{path}")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(page.get_by_text(re.compile(r"ok · \d")).last).to_be_visible()
    height_px: int = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": width, "height": min(height_px, HIGHEST)})
    page.wait_for_timeout(DRAWN_MS)  # the charts fit themselves into their new places
    page.mouse.move(width - 5, 5)
    page.screenshot(path=folder / f"{path.partition('?')[0]}-{scheme}-{width}.png")
    visitor.close()


def ask(page: Page, question: str) -> None:
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    box.press("Enter")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
