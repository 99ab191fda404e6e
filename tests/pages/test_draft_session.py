"""A session that begins before its browser connects, by ASGI, the protocol itself: what is behind is a Streamlit of our own."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Markdown_pb2 import Markdown
from streamlit.proto.PageConfig_pb2 import PageConfig

from services.signin.rules import Rules
from ui import gate, shown
from ui.asgi import Message, Receive, Send
from ui.draft import begun, middleware
from ui.draft.middleware import DraftMiddleware

HOST = "127.0.0.1:8501"
TOKEN = "0123456789abcdef" * 2
BODY = {
    "token": TOKEN,
    "query": "range=1h",
    "path": "overview",
    "timezone": "Europe/Vienna",
    "offset": -60,
    "locale": "en-GB",
    "url": f"http://{HOST}/overview",
    "theme": "dark",
}


class Behind:
    """What Streamlit would do: accepts, draws a page for each question, and leaves with the browser."""

    def __init__(self, *, marked: bool = True, says: str = "Seven runs") -> None:
        self.scopes: list[Message] = []
        self.asked: list[BackMsg] = []
        self.left = 0
        self.passed = 0
        self._visit, self._marked, self._says = shown.Visit(), marked, says

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.passed += 1
            return
        self.scopes.append(scope)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "subprotocol": "streamlit"})
        self._visit = shown.Visit()
        with shown.expected(self._visit):
            while (message := await receive())["type"] != "websocket.disconnect":
                self.asked.append(BackMsg.FromString(message["bytes"]))
                for said in page(self._says, self._visit.key(0, 0, 0) if self._marked else ""):
                    await send({"type": "websocket.send", "bytes": said.SerializeToString()})
        self.left += 1


def page(says: str, mark: str) -> list[ForwardMsg]:
    config, text, foot, over = ForwardMsg(), ForwardMsg(), ForwardMsg(), ForwardMsg()
    config.page_config_changed.layout = PageConfig.Layout.WIDE
    text.metadata.delta_path.extend([0, 0])
    text.delta.new_element.markdown.body = says
    text.delta.new_element.markdown.element_type = Markdown.Type.NATIVE
    foot.metadata.delta_path.extend([1, 0])
    foot.delta.add_block.flex_container.direction = Block.FlexContainer.VERTICAL
    foot.delta.add_block.id = f"$$ID-0a-{mark}"
    over.script_finished = ForwardMsg.FINISHED_SUCCESSFULLY
    return [config, text, foot, over] if mark else [config, text, over]


class Browser:
    """Asks for a draft, and then comes with a websocket."""

    def __init__(self, app: DraftMiddleware) -> None:
        self.app = app
        self.inbox: asyncio.Queue[Message] = asyncio.Queue()
        self.got: list[Message] = []

    async def draft(self, body: object = None, *, origin: str | None = f"http://{HOST}", client: str = "127.0.0.1") -> tuple[int, str]:  # fmt: skip
        headers = [(b"host", HOST.encode()), (b"cookie", b"_streamlit_xsrf=x1"), (b"content-length", b"7")]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        data = body if isinstance(body, bytes) else json.dumps(BODY if body is None else body).encode()
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": data}

        async def send(message: Message) -> None:
            sent.append(message)

        scope: Message = {"type": "http", "scheme": "http", "method": "POST", "path": "/draft", "root_path": "", "headers": headers,
                          "client": (client, 1), "server": ("127.0.0.1", 8501)}  # fmt: skip
        await self.app(scope, receive, send)
        return sent[0]["status"], sent[1]["body"].decode()

    def connect(self, token: str = TOKEN, client: str = "127.0.0.1") -> "asyncio.Task[None]":
        async def send(message: Message) -> None:
            self.got.append(message)

        self.inbox.put_nowait({"type": "websocket.connect"})
        scope: Message = {
            "type": "websocket",
            "path": "/_stcore/stream",
            "query_string": f"draft={token}".encode(),
            "headers": [],
            "client": (client, 1),
            "server": ("127.0.0.1", 8501),
        }
        return asyncio.create_task(self.app(scope, self.inbox.get, send))

    def says(self, message: BackMsg) -> None:
        self.inbox.put_nowait({"type": "websocket.receive", "bytes": message.SerializeToString()})

    def leaves(self) -> None:
        self.inbox.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def texts(self) -> list[str]:
        said = [ForwardMsg.FromString(one["bytes"]) for one in self.got if one.get("bytes")]
        return [
            one.delta.new_element.markdown.body for one in said if one.delta.new_element.HasField("markdown")
        ]


@pytest.fixture(autouse=True)
def signed_in() -> None:
    gate.configure(Rules(), trusts_headers=False)
    begun._unclaimed.clear()


def run(story: Callable[[Browser, Behind], Awaitable[Any]], behind: Behind | None = None) -> Behind:
    behind = behind or Behind()

    async def whole() -> None:
        await story(Browser(DraftMiddleware(behind)), behind)

    asyncio.run(whole())
    return behind


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - nobody tells of what is looked for
            await asyncio.sleep(0.005)


def test_the_draft_has_the_words_of_the_page_and_the_browser_gets_what_was_sent() -> None:
    async def story(browser: Browser, behind: Behind) -> None:
        status, html = await browser.draft()
        assert status == 200 and "<p>Seven runs</p>" in html and 'data-shown="shown-' in html
        assert "--background:#10141f" in html

        task = browser.connect()
        browser.says(behind.asked[0])
        await until(lambda: browser.texts() == ["Seven runs"])
        browser.leaves()
        await task
        assert browser.got[0] == {"type": "websocket.accept", "subprotocol": "streamlit"}

    behind = run(story)
    assert (len(behind.asked), behind.left) == (1, 1)


def test_streamlit_is_asked_what_the_front_end_will_ask() -> None:
    async def story(browser: Browser, _: Behind) -> None:
        await browser.draft()

    [asked] = run(story).asked
    run_of = asked.rerun_script
    assert (run_of.query_string, run_of.page_name) == ("range=1h", "overview")
    told = run_of.context_info
    assert (told.timezone, told.timezone_offset, told.locale, told.color_scheme) == (
        "Europe/Vienna",
        -60,
        "en-GB",
        "dark",
    )
    assert told.url == BODY["url"] and told.HasField("is_embedded") and not told.is_embedded


def test_the_websocket_is_that_of_whoever_asked() -> None:
    async def story(browser: Browser, _: Behind) -> None:
        await browser.draft()

    [scope] = run(story).scopes
    assert (scope["type"], scope["scheme"], scope["path"]) == ("websocket", "ws", "/_stcore/stream")
    headers = dict(scope["headers"])
    assert headers[b"cookie"] == b"_streamlit_xsrf=x1"
    assert headers[b"sec-websocket-protocol"] == b"streamlit, x1"
    assert scope["subprotocols"] == ["streamlit", "x1"]
    assert b"content-length" not in headers and "method" not in scope


def test_another_first_question_is_asked_too() -> None:
    async def story(browser: Browser, behind: Behind) -> None:
        await browser.draft()
        task = browser.connect()
        other = BackMsg.FromString(behind.asked[0].SerializeToString())
        other.rerun_script.query_string = "range=6h"
        browser.says(other)
        await until(lambda: len(behind.asked) == 2)
        browser.leaves()
        await task

    assert run(story).asked[1].rerun_script.query_string == "range=6h"


def test_the_same_question_later_on_is_a_new_one() -> None:
    async def story(browser: Browser, behind: Behind) -> None:
        await browser.draft()
        task = browser.connect()
        browser.says(behind.asked[0])
        browser.says(behind.asked[0])
        await until(lambda: len(behind.asked) == 2)
        browser.leaves()
        await task

    run(story)


def test_a_front_end_waits_for_the_draft_to_be_shown_and_not_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(begun, "HELD_S", 30.0)

    async def story(browser: Browser, behind: Behind) -> None:
        await browser.draft()
        task = browser.connect()
        await until(lambda: bool(browser.got))
        await asyncio.sleep(0.05)
        assert browser.texts() == []
        begun_for = behind._visit.token
        shown._awaited[begun_for]()  # as shown.told() does
        await until(lambda: browser.texts() == ["Seven runs"])
        browser.leaves()
        await task

        monkeypatch.setattr(begun, "HELD_S", 0.01)
        other = Browser(browser.app)
        await other.draft({**BODY, "token": "f" * 32})
        task = other.connect("f" * 32)
        await until(lambda: other.texts() == ["Seven runs"])
        other.leaves()
        await task

    run(story)


@pytest.mark.parametrize(
    "behind", [Behind(marked=False), Behind(says="- a list")], ids=["nothing to look for", "undrawn"]
)
def test_a_page_without_a_draft_is_handed_over_at_once(
    behind: Behind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(begun, "HELD_S", 30.0)

    async def story(browser: Browser, _: Behind) -> None:
        assert await browser.draft() == (204, "")
        task = browser.connect()
        await until(lambda: len(browser.texts()) == 1)
        browser.leaves()
        await task

    run(story, behind)


def test_a_slow_page_has_no_draft_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "LONGEST_S", 0.02)

    class Slow(Behind):
        async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
            await asyncio.sleep(0.2)
            await super().__call__(scope, receive, send)

    async def story(browser: Browser, _: Behind) -> None:
        assert await browser.draft() == (204, "")
        task = browser.connect()
        await until(lambda: browser.texts() == ["Seven runs"])
        browser.leaves()
        await task

    run(story, Slow())


def test_who_never_comes_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begun, "UNCLAIMED_S", 0.02)

    async def story(browser: Browser, behind: Behind) -> None:
        await browser.draft()
        await until(lambda: behind.left == 1)
        assert begun.claim(TOKEN, {"type": "websocket", "headers": []}) is None

    run(story)


def test_a_token_is_good_once_and_others_go_to_streamlit() -> None:
    async def story(browser: Browser, behind: Behind) -> None:
        await browser.draft()
        assert (await browser.draft())[0] == 204  # the same once more
        first, second = browser.connect(), Browser(browser.app)
        task = second.connect()
        await until(lambda: len(behind.scopes) == 2)
        for one in (browser, second):
            one.leaves()
        await asyncio.gather(first, task)

    run(story)


def test_a_session_is_handed_to_nobody_but_who_it_was_begun_for() -> None:
    """Who knows the token and is somebody else, or has signed out meanwhile, is let through to Streamlit's own gate."""

    async def story(browser: Browser, behind: Behind) -> None:
        await browser.draft()
        task = browser.connect(client="192.0.2.7")
        await until(lambda: len(behind.scopes) == 2 and behind.left == 1)
        assert browser.texts() == []
        browser.leaves()
        await task

    run(story)


def test_no_more_are_begun_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(begun, "MOST_UNCLAIMED", 2)

    async def story(browser: Browser, _: Behind) -> None:
        found = [(await browser.draft({**BODY, "token": f"{place:032x}"}))[0] for place in range(3)]
        assert found == [200, 200, 204]

    run(story)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'{"token":' + b" " * 20_000 + b"1}",
        {**BODY, "token": "short"},
        {**BODY, "token": TOKEN[:-1] + "/"},
        {**BODY, "theme": "blue"},
        {**BODY, "offset": "0"},
        {**BODY, "offset": 100_000},
        {**BODY, "query": "a" * 9_000},
        {**BODY, "locale": None},
        {name: value for name, value in BODY.items() if name != "url"},
    ],
    ids=str,
)  # fmt: skip
def test_a_request_that_no_script_of_ours_sends_begins_nothing(body: object) -> None:
    async def story(browser: Browser, _: Behind) -> None:
        assert await browser.draft(body) == (204, "")

    assert run(story).scopes == []


@pytest.mark.parametrize("origin", [None, "https://evil.example", "null"])
def test_a_page_of_another_place_begins_nothing(origin: str | None) -> None:
    async def story(browser: Browser, _: Behind) -> None:
        assert await browser.draft(origin=origin) == (204, "")

    assert run(story).scopes == []


def test_who_may_see_nothing_gets_no_draft() -> None:
    async def story(browser: Browser, _: Behind) -> None:
        assert await browser.draft(client="192.0.2.7") == (204, "")

    assert run(story).scopes == []
