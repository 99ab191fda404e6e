"""What is read when a page's address is asked for: what the page asks for first, once, and only for who may see it."""

import asyncio
import threading
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.errands import GLANCE_S, SLOW_AFTER_S, Errands
from services.errors import Unavailable
from services.signin.rules import Rules
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.waiting import wait_for
from ui import ahead, context, gate, startup
from ui.ahead import READINGS, AheadMiddleware
from ui.asgi import Message, Receive, Send
from ui.menu import MENU

OPENED = (b"sec-fetch-dest", b"document")
BATCH = "monitor.query_batch"
WATCHED = ("/overview", "/runs", "/queues", "/metrics", "/agents")
passed: list[Message] = []


async def rest(scope: Message, _: Receive, __: Send) -> None:
    passed.append(scope)


def ask(
    address: str,
    *headers: tuple[bytes, bytes],
    method: str = "GET",
    client: str = "127.0.0.1",
    kind: str = "http",
) -> list[threading.Thread]:
    """Send a request; return the threads that it began, or that still ran. Fails when it was not passed on."""
    scope: Message = {
        "type": kind,
        "method": method,
        "path": urlsplit(address).path,
        "query_string": urlsplit(address).query.encode(),
        "headers": list(headers),
        "client": (client, 1),
        "server": ("127.0.0.1", 8501),
    }

    async def nothing(*_: object) -> Message:
        return {}

    passed.clear()
    asyncio.run(AheadMiddleware(rest)(scope, nothing, nothing))  # type: ignore[arg-type]  # sends and gets nothing
    assert passed == [scope]
    return readers()


def readers() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name == "ahead"]


def read_ahead(address: str) -> None:
    for thread in ask(address, OPENED):
        thread.join(20)
    assert not readers()


def open_page(address: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parse_qsl(urlsplit(address).query):
        at.query_params[name] = value
    at.switch_page(str(ROOT / "pages" / f"{urlsplit(address).path.strip('/')}.py"))
    at.run()
    assert not at.exception
    return at


def batches(control: Control, after: int) -> int:
    return sum(seen["operation"] == BATCH for seen in control.requests(after))


@pytest.fixture(autouse=True)
def nothing_known(control: Control) -> None:
    """Nothing was read yet."""
    del control
    logs = runtime.current().services.logs
    assert logs is not None
    logs._kept.clear()


@pytest.mark.parametrize("query", ["", "?range=6h&refresh=off", "?range=7d&refresh=30s&zone=utc"])
@pytest.mark.parametrize("path", WATCHED)
def test_the_page_finds_what_was_read_for_it_and_asks_for_nothing_twice(
    control: Control, path: str, query: str
) -> None:
    """The line about demo history comes with it, so that nothing moves for it later; a week's hours are of the reader's time
    zone, which nobody knows before."""
    before = control.last_request()
    read_ahead(path + query)
    assert batches(control, before) == 1

    open_page(path + query)

    of_the_week = 1 if path == "/metrics" and "7d" in query else 0
    assert batches(control, before) == 1 + of_the_week


@pytest.mark.parametrize("path", ["/overview", "/queues"])
def test_queues_are_looked_at_once(control: Control, path: str) -> None:
    assert context.depth_board().held() is None
    read_ahead(path)
    known = context.depth_board().held()

    open_page(path)

    assert known is not None and context.depth_board().held() is known


def test_filters_of_the_address_count(control: Control) -> None:
    address = "/runs?range=6h&refresh=off&runs-outcome=failed&runs-min=0.5&runs-sort=longest"
    before = control.last_request()
    read_ahead(address)
    open_page(address)
    assert batches(control, before) == 1


def test_a_page_that_comes_meanwhile_shares_the_reading(control: Control) -> None:
    control.fail(operation=BATCH, kind="slow", delay_s=1.0, times=1)
    before = control.last_request()
    assert ask("/overview", OPENED)

    at = open_page("/overview")

    assert batches(control, before) == 1 and not readers()
    assert "has not come yet" not in words(at)


def test_a_trace_is_read(control: Control) -> None:
    """Of a run that nobody knows, its absence; without a run there is nothing to read."""
    before = control.last_request()
    read_ahead("/trace?thread=thread_nowhere")
    assert not batches(control, before)
    read_ahead("/trace?run=run_nowhere&thread=thread_nowhere")
    assert batches(control, before) == 1


@pytest.mark.parametrize(
    "begun",
    [
        lambda: ask("/overview"),  # no browser, or over a network without TLS
        lambda: ask("/overview", (b"sec-fetch-dest", b"image")),
        lambda: ask("/overview", (b"sec-fetch-dest", b"iframe")),
        lambda: ask("/overview", OPENED, method="HEAD"),
        lambda: ask("/overview", OPENED, kind="websocket"),
        lambda: ask("/overview", OPENED, client="10.0.0.7"),
        lambda: ask("/overview/x", OPENED),
        lambda: ask("/ask", OPENED),
    ],
)
def test_nothing_is_read_unless_somebody_opens_a_page(
    control: Control, begun: Callable[[], list[threading.Thread]]
) -> None:
    before = control.last_request()
    assert begun() == []
    assert not batches(control, before)


def test_nothing_is_read_for_who_is_not_signed_in(control: Control) -> None:
    known = gate.current().rules
    gate.configure(Rules(mode="oidc", address="https://deck.example"), trusts_headers=False)
    try:
        assert ask("/overview", OPENED) == []
    finally:
        gate.configure(known, trusts_headers=False)
    assert ask("/overview", OPENED)
    wait_for(lambda: not readers())


def test_nothing_is_read_while_relaydeck_could_not_start(control: Control) -> None:
    startup.failed(Unavailable("gone", operation="start"))
    try:
        assert ask("/overview", OPENED) == []
    finally:
        startup.failed(None)


@pytest.mark.parametrize(
    "query",
    [
        "range=custom&from=%ff%00&to=never",
        "range=custom&from=9999-12-31T23:59:59Z&to=0001-01-01",
        "runs-page=999999&runs-min=nan&runs-text=%00%0a'|drop&runs-outcome=a,b",
        "&".join(f"p{place}=1" for place in range(100)),
        "%",
        "=&=&;;&&range=&refresh=",
    ],
)
def test_an_odd_address_harms_nothing(control: Control, query: str) -> None:
    read_ahead(f"/runs?{query}")
    read_ahead("/runs")


def test_what_fails_is_met_again_by_the_page(control: Control) -> None:
    control.fail(operation=BATCH, status=403, times=None)
    read_ahead("/overview")
    at = open_page("/overview")
    control.clear_faults()
    assert "Could not query the logs" in words(at)


def test_only_so_many_are_under_way_at_once(control: Control) -> None:
    end = threading.Event()
    begun = [ahead.begin(lambda *_: [end], b"") for _ in range(ahead.MOST_AT_ONCE + 3)]
    assert sum(one is not None for one in begun) == ahead.MOST_AT_ONCE
    end.set()
    wait_for(lambda: not readers())
    assert ahead.begin(lambda *_: [end], b"") is not None


def test_a_reading_that_breaks_makes_room_for_the_next(control: Control) -> None:
    def broken(*_: object) -> list[threading.Event | None]:
        raise KeyError("broken")

    for _ in range(ahead.MOST_AT_ONCE + 2):
        thread = ahead.begin(broken, b"")
        assert thread is not None
        thread.join(5)


def test_what_was_begun_long_ago_makes_nobodys_wait_shorter() -> None:
    now_s = [100.0]
    let_go = threading.Event()
    errand = Errands[int](lambda: now_s[0]).send("a", "It", lambda: 7 if let_go.wait(10) else 0)
    now_s[0] += 10 * SLOW_AFTER_S
    threading.Timer(10 * GLANCE_S, let_go.set).start()
    assert errand.wait(10) == 7


def test_every_address_is_one_of_a_page() -> None:
    assert set(READINGS) <= {
        f"/{one.file.removesuffix('.py')}" for section in MENU.values() for one in section
    }
