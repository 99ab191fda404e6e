"""A visitor whose browser nobody debugs: Chromium takes a good deal longer over plotly's script while somebody does.

A client of the debugger that asks for the page's console and its exceptions (`Runtime.enable`, which Playwright sends to
every page of its own) has each exception told with the places of all its callers, caught ones too. To know those, V8
reads the functions around them once more, and around plotly's there are megabytes. So here the page is opened beside
Playwright's own, told where to go, and asked what it measured; nothing else is ever sent.
Protocol: https://chromedevtools.github.io/devtools-protocol/tot/Target/ · V8: https://v8.dev/blog/v8-release-77
"""

import contextlib
import itertools
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from playwright.sync_api import Browser, CDPSession

WIDTH_PX, HEIGHT_PX = 1440, 900
LOOK_EVERY_S, TIMEOUT_S = 0.05, 40.0
SETTLE_S = 1.5  # a new window of Chromium first loads some 200 scripts of its own, for its address bar


class UnwatchedPage:
    """A page in a profile of its own, with nothing cached."""

    def __init__(self, session: CDPSession, target: str) -> None:
        self._session, self._target = session, target
        self._numbers = itertools.count(1)
        self._replies: dict[int, Mapping[str, Any]] = {}
        session.on("Target.receivedMessageFromTarget", self._keep)
        attached = session.send("Target.attachToTarget", {"targetId": target, "flatten": False})
        self._attached: str = attached["sessionId"]

    def goto(self, url: str) -> None:
        """Open *url*; return once its first bytes have come. Raises RuntimeError when none do."""
        reply = self._ask("Page.navigate", {"url": url})
        if reply.get("errorText"):
            raise RuntimeError(f"{url} was not opened: {reply['errorText']}")

    def evaluate(self, function: str, *arguments: object) -> Any:
        """Return what *function*, JavaScript's, returns or promises. Raises RuntimeError with what it throws instead."""
        call = f"({function.strip()})({', '.join(json.dumps(one) for one in arguments)})"
        reply = self._ask(
            "Runtime.evaluate", {"expression": call, "awaitPromise": True, "returnByValue": True}
        )
        if "exceptionDetails" in reply:
            thrown = reply["exceptionDetails"]
            raise RuntimeError(thrown.get("exception", {}).get("description") or thrown["text"])
        return reply["result"].get("value")

    def _keep(self, event: Mapping[str, Any]) -> None:
        if event["sessionId"] == self._attached:
            reply = json.loads(event["message"])
            self._replies[reply.get("id", 0)] = reply

    def _ask(self, method: str, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        number = next(self._numbers)
        message = json.dumps({"id": number, "method": method, "params": parameters})
        self._session.send("Target.sendMessageToTarget", {"sessionId": self._attached, "message": message})
        ends = time.monotonic() + TIMEOUT_S
        while number not in self._replies:
            if time.monotonic() > ends:
                raise RuntimeError(f"{method} was not answered within {TIMEOUT_S:.0f} s")
            time.sleep(LOOK_EVERY_S)
            self._session.send("Browser.getVersion")  # Playwright tells events while it waits for a reply
        reply = self._replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error'].get('message')}")
        found: Mapping[str, Any] = reply["result"]
        return found


@contextlib.contextmanager
def unwatched(browser: Browser) -> Iterator[UnwatchedPage]:
    """A visitor who was never here."""
    session = browser.new_browser_cdp_session()
    try:
        profile = session.send("Target.createBrowserContext", {"disposeOnDetach": True})["browserContextId"]
        size = {"width": WIDTH_PX, "height": HEIGHT_PX}
        opened = session.send(
            "Target.createTarget",
            {"url": "about:blank", "browserContextId": profile, "newWindow": True, **size},
        )
        page = UnwatchedPage(session, opened["targetId"])
        time.sleep(SETTLE_S)
        yield page
        session.send("Target.disposeBrowserContext", {"browserContextId": profile})
    finally:
        session.detach()
