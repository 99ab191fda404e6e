"""Answers for a page's draft: the script of the start page asks for it before any other script is read (ui/start_page.js)."""

import asyncio
import json
import logging
import re
from contextlib import suppress
from html import escape
from urllib.parse import parse_qs

import streamlit as st
from streamlit.proto.BackMsg_pb2 import BackMsg

from ui import origins
from ui.asgi import AsgiApp, Message, Receive, Send
from ui.draft import begun
from ui.draft.begun import Begun
from ui.draft.page import html_of_page
from ui.draft.words import COLOURS, UndrawnError

ADDRESS = "/draft"
LONGEST_S = 10.0  # by then the page itself is there, or says what it waits for
MOST_BYTES, MOST_LETTERS = 16_384, 8_192
_TOKEN = re.compile(r"[0-9a-f]{32}")
log = logging.getLogger(__name__)


class DraftMiddleware:
    """Begins a session for a browser of ours that opens a page, and hands it over when its front end connects."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            asked = parse_qs(scope["query_string"].decode("latin-1"))
            known = begun.claim(asked.get("draft", [""])[0], scope)
            if known is not None:
                await known.join(receive, send)
                return
        elif scope["type"] == "http" and scope["path"] == ADDRESS and scope["method"] == "POST":
            await _answer(send, await self._draft(scope, receive))
            return
        await self._app(scope, receive, send)

    async def _draft(self, scope: Message, receive: Receive) -> str:
        """Return the draft; empty where there is none: for whoever is not signed in or comes from elsewhere, and for a page
        that only scripts can draw."""
        body = await _read(receive)
        asked = asked_by(body)
        if asked is None or not _is_ours(scope):
            return ""
        known = begun.begin(self._app, scope, str(body["token"]), asked)
        if known is None:
            return ""
        draft = ""
        with suppress(TimeoutError):
            async with asyncio.timeout(LONGEST_S):
                await known.told.wait()
            draft = written(known)
        known.messages.clear()
        if not draft:
            known.show()
        return draft


def asked_by(body: dict[str, object]) -> BackMsg | None:
    """Return what the browser's front end will ask for first, by what the start page's script says of the browser; None when
    it says something else. It is the front end's of Streamlit 1.67: of another release's it differs, and is asked too."""
    texts = ("token", "query", "path", "timezone", "locale", "url", "theme")
    if not all(isinstance(body.get(name), str) for name in texts) or not isinstance(body.get("offset"), int):
        return None
    said = {name: str(body[name]) for name in texts}
    if any(len(one) > MOST_LETTERS for one in said.values()) or not _TOKEN.fullmatch(said["token"]):
        return None
    offset = int(str(body["offset"]))
    if abs(offset) > 24 * 60 or said["theme"] not in ("light", "dark"):
        return None
    asked = BackMsg()
    run = asked.rerun_script
    run.query_string, run.page_name = said["query"], said["path"]
    run.widget_states.SetInParent()
    browser = run.context_info
    browser.timezone, browser.timezone_offset = said["timezone"], offset
    browser.locale, browser.url, browser.color_scheme = said["locale"], said["url"], said["theme"]
    browser.is_embedded = False
    return asked


def written(known: Begun) -> str:
    """Return the draft of what *known* has sent; empty where there is nothing to look for, or only scripts can draw it."""
    if not known.mark:
        return ""
    try:
        page = html_of_page(known.messages)
    except UndrawnError as exc:
        log.info("draft.undrawn", extra={"reason": str(exc)})
        return ""
    theme = known.asked.rerun_script.context_info.color_scheme
    return (
        f'<div id="draft" aria-hidden="true" data-shown="{escape(known.mark)}" style="{style_of(theme)}">'
        f"<div>{page}</div></div>"
    )


def style_of(theme: str) -> str:
    """Return the colours of .streamlit/config.toml as the draft's style sheet names them."""
    named = {
        "background": "backgroundColor",
        "beside": "sidebar.backgroundColor",
        "text": "textColor",
        "border": "borderColor",
        "primary": "primaryColor",
        "link": "linkColor",
    }
    for colour in COLOURS[:-1]:
        named[colour], named[f"on-{colour}"] = f"{colour}TextColor", f"{colour}BackgroundColor"
    known = {name: st.get_option(f"theme.{theme}.{option}") for name, option in named.items()}
    return ";".join(f"--{name}:{escape(str(value))}" for name, value in known.items() if value)


def _is_ours(scope: Message) -> bool:
    """Whether a page of ours asks: any browser names the origin of such a request."""
    return any(name.lower() == b"origin" for name, _ in scope["headers"]) and not origins.is_foreign(scope)


async def _read(receive: Receive) -> dict[str, object]:
    data, more = b"", True
    while more and len(data) <= MOST_BYTES:
        message = await receive()
        data += message.get("body", b"")
        more = message.get("more_body", False)
    try:
        found = json.loads(data) if len(data) <= MOST_BYTES else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


async def _answer(send: Send, draft: str) -> None:
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200 if draft else 204, "headers": headers})
    await send({"type": "http.response.body", "body": draft.encode()})
