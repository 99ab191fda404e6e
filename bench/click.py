"""How long a press on the Ask page takes until the screen has changed, against the same in an empty Streamlit app.

Both run at once, in Chromium, and take turns; the clock is the browser's own, from the click to the change in the
page. The goal is for the presses that look closer at what is there: what was passed to a connected agent, and the
ids. Both lie in the page already, so no server run is waited for. Two more are told without a goal, for they draw
what an empty app has not: a conversation with its steps is opened, and left for the empty page. Not measured: the
first visit, and answers under way.
"""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from bench.report import emit, header
from commands.stack import Stack, free_port, running
from commands.test import browser_flags, find_browser
from emulator.supervisor import Part, Supervisor

ROUNDS, WARM_UP = 40, 5
GOAL = 1.5
TIMEOUT_MS = 30_000
AT_REST = '[data-testid="stApp"][data-test-script-state="notRunning"]'
MAIN = '[data-testid="stMain"]'
BODY = "body"
DETAILS, DETAILS_SHOW = '[class*="st-key-passed-"]', "Came back"
IDS, IDS_SHOW = '[class*="st-key-ids-"]', "ans_"
QUESTION = "What is (12.5 + 7) * 3?"
PRESS = """
([button, place, wanted]) => new Promise((resolve, reject) => {
    const found = document.querySelector(button);
    const shown = () => document.querySelector(place).innerText.includes(wanted);
    if (!found || shown()) { reject(new Error('not ready: ' + button + ' / ' + wanted)); return; }
    let began = 0;
    const observer = new MutationObserver(() => {
        if (shown()) { observer.disconnect(); resolve(performance.now() - began); }
    });
    observer.observe(document.body, {subtree: true, childList: true, characterData: true});
    setTimeout(() => { observer.disconnect(); reject(new Error('nothing changed')); }, 20000);
    began = performance.now();
    found.click();
})
"""


def main() -> int:
    program = find_browser()
    if program is None:
        print("No Chromium or Chrome was found; name one in RELAYDECK_TEST_BROWSER.", file=sys.stderr)
        return 1
    header("click", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=browser_flags())
        with running(Path(folder) / "state") as stack, empty_app(Path(folder)) as empty_url:
            times = measure(browser, stack, empty_url)
        browser.close()
    return 0 if report(times) else 1


@dataclass(frozen=True, slots=True)
class Times:
    """In ms, round by round."""

    empty: list[float] = field(default_factory=list)
    details: list[float] = field(default_factory=list)
    ids: list[float] = field(default_factory=list)
    leave: list[float] = field(default_factory=list)
    opened: list[float] = field(default_factory=list)


def measure(browser: Browser, stack: Stack, empty_url: str) -> Times:
    empty, ask = browser.new_page(), browser.new_page()
    for page in (empty, ask):
        page.set_default_timeout(TIMEOUT_MS)
    empty.goto(empty_url)
    empty.get_by_text("Pressed 0 times").wait_for()
    thread_id = open_answered(ask, stack.url)
    times = Times()
    for number in range(ROUNDS + WARM_UP):
        taken = {
            "empty": press(empty, ".st-key-press button", f"Pressed {number + 1} times"),
            "details": press(ask, f"{DETAILS} summary", DETAILS_SHOW, DETAILS),
            "ids": press(ask, f"{IDS} button", IDS_SHOW, BODY),
            "leave": press(ask, ".st-key-ask-new button", "Try one of these"),
            "opened": press(ask, f".st-key-thread-{thread_id} button", "Answered in"),
        }
        if number >= WARM_UP:
            for name, taken_ms in taken.items():
                getattr(times, name).append(taken_ms)
        fold_in(ask)
    return times


def open_answered(page: Page, url: str) -> str:
    """Ask one question and return its thread's id once the page has come to rest."""
    page.goto(url)
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    page.get_by_text("Answered in").wait_for()
    page.get_by_role("button", name="Ask again").wait_for()
    return page.url.partition("thread=")[2]


def fold_in(page: Page) -> None:
    """Bring what was opened back to where the next round expects it."""
    page.wait_for_selector(AT_REST)
    for text, button in ((DETAILS_SHOW, f"{DETAILS} summary"), (IDS_SHOW, f"{IDS} button")):
        shown = page.get_by_text(text).first
        if shown.is_visible():
            page.locator(button).click()
        shown.wait_for(state="hidden")


def press(page: Page, button: str, wanted: str, place: str = MAIN) -> float:
    page.bring_to_front()
    page.wait_for_selector(button)
    page.wait_for_selector(AT_REST)
    taken_ms: float = page.evaluate(PRESS, [button, place, wanted])
    return taken_ms


@contextmanager
def empty_app(folder: Path, script: str = "bench/empty_app.py") -> Iterator[str]:
    """Start one of the small apps that ours is measured against; yield its address. Raises PartFailedError."""
    port, supervisor = free_port(), Supervisor()
    command = [sys.executable, "-m", "commands.dashboard", str(port), script]
    try:
        log = folder / f"{Path(script).stem}.log"
        supervisor.start(Part("The small app", command, log, {}, restarts=False))
        yield f"http://127.0.0.1:{port}"
    finally:
        supervisor.stop()


def report(times: Times) -> bool:
    base = statistics.median(times.empty)
    emit("click.empty_app", base, "ms", None, times.empty)
    for name in ("details", "ids", "leave", "opened"):
        samples: list[float] = getattr(times, name)
        emit(f"click.{name}", statistics.median(samples), "ms", None, samples)
    results = []
    for name, goal in (("details", GOAL), ("ids", GOAL), ("leave", None), ("opened", None)):
        samples = getattr(times, name)
        ratios = [ours / theirs for ours, theirs in zip(samples, times.empty, strict=True)]
        ratio = statistics.median(samples) / base
        results.append(emit(f"click.{name}_ratio", ratio, "x", goal, ratios, lower_is_better=True))
    return all(results)


if __name__ == "__main__":
    sys.exit(main())
