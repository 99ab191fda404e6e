"""Tabs closed or reloaded in mid-answer: every answer is found again by its address, whole, and asked once.

The real dashboard; each tab is a websocket that does what the browser does: it opens Ask, sends a question, learns of its
new address, and is gone at a random moment before the answer is whole. A third reload at once, a third are closed and
come back by their address a moment later, a third lose their connection without a word and come back as long after.

What it does not measure: the browsers' own drawing (tests/browser does), a network.
"""

import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.typing import Origin, Subprotocol

from chaos.asking import Question, questions
from chaos.figure import Figure
from chaos.stand import made_twice
from commands.stack import running

AT_ONCE = 8
THINK_S, TOKEN_S = 0.3, 0.02  # an answer then takes about two seconds
GONE_WITHIN_S = 1.2  # from the moment the address is known
AWAY_S = (0.5, 3.0)
FOUND_WITHIN_S, LOOK_AGAIN_S = 60.0, 0.5
How = Literal["reloaded", "closed", "cut off"]
HOW: tuple[How, ...] = ("reloaded", "closed", "cut off")


@dataclass
class Page:
    """What a tab has been told. *address*: the query of its URL. *texts*: what the latest run of the page has drawn."""

    address: str = ""
    chat: str = ""
    texts: list[str] = field(default_factory=list)

    @property
    def shown(self) -> str:
        return "\n".join(self.texts).replace("\\", "")


@dataclass(frozen=True, slots=True)
class Found:
    """*seen*: what the page showed in the end. *early*: it was gone before the answer was whole."""

    question: Question
    how: How
    address: str
    early: bool
    seen: str

    @property
    def is_whole(self) -> bool:
        value = str(int(self.question.mark) * 3) if self.question.has_effect else "RELAYDECK_LOCAL_MODEL_URL"
        return self.seen.count("Answered in") == 1 and value in self.seen


def run(size: int, seed: int) -> Iterator[Figure]:
    """Open *size* tabs, eight at a time, and have each leave in mid-answer."""
    chance = random.Random(seed)
    asked = [one for one in questions(4 * size, chance) if one.kind in ("plain", "sum")][:size]
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        with running(state, {"RELAYDECK_MAX_RUNNING": str(AT_ONCE), "RELAYDECK_SWEEP": "off"}) as stack:
            stack.control.pace(think_s=THINK_S, token_s=TOKEN_S)
            began_s = time.monotonic()
            found = asyncio.run(leave_all(stack.url, asked, chance))
            took_s = time.monotonic() - began_s
            twice = made_twice(state)
    whole = [one for one in found if one.is_whole]
    missed = [
        f"{one.how} {one.address} {one.question.text}: {one.seen[-300:]}" for one in found if not one.is_whole
    ]
    detail = {
        "seed": seed,
        "tabs": len(found),
        "took_s": round(took_s),
        "how": dict(Counter(one.how for one in found)),
        "left_in_mid_answer": sum(one.early for one in found),
        "missed": missed[:3],
    }
    yield Figure("tabs.found_again", len(whole), size, "answers", len(whole) == size, detail)
    yield Figure("tabs.asked_twice", twice, 0, "messages and runs", twice == 0, {"seed": seed})


async def leave_all(url: str, asked: list[Question], chance: random.Random) -> list[Found]:
    plans = [
        (question, HOW[number % len(HOW)], chance.uniform(0, GONE_WITHIN_S), chance.uniform(*AWAY_S))
        for number, question in enumerate(asked)
    ]
    room, done = asyncio.Semaphore(AT_ONCE), 0

    async def one(question: Question, how: How, stay_s: float, away_s: float) -> Found:
        nonlocal done
        async with room:
            found = await leave(url, question, how, stay_s, 0.0 if how == "reloaded" else away_s)
            done += 1
            print(f"\r{done} of {len(asked)} tabs", end="", file=sys.stderr, flush=True)
            return found

    return list(await asyncio.gather(*(one(*plan) for plan in plans)))


async def leave(url: str, question: Question, how: How, stay_s: float, away_s: float) -> Found:
    """Ask in one tab, leave it in mid-answer, and look for the answer in another one at the same address."""
    async with connect(url) as tab:
        page = Page()
        await redraw(tab, page)
        await tab.send(message(page, question.text))
        await read(tab, page, until=lambda: "=" in page.address)
        with_answer = False
        try:
            async with asyncio.timeout(stay_s):
                await read(tab, page, until=lambda: "Answered in" in page.shown)
                with_answer = True
        except TimeoutError:
            pass
        if how == "cut off":
            tab.transport.abort()
    await asyncio.sleep(away_s)
    back = Page(page.address)
    async with connect(url) as tab:
        until_s = time.monotonic() + FOUND_WITHIN_S
        while "Answered in" not in back.shown and time.monotonic() < until_s:
            await redraw(tab, back)
            await asyncio.sleep(LOOK_AGAIN_S if "Answered in" not in back.shown else 0)
    return Found(question, how, page.address, not with_answer, back.shown)


def connect(url: str) -> websockets.connect:
    address = f"{url.replace('http', 'ws', 1)}/_stcore/stream"
    return websockets.connect(
        address,
        subprotocols=[Subprotocol("streamlit")],
        origin=Origin(url),
        max_size=None,
        compression=None,
    )


async def redraw(tab: websockets.ClientConnection, page: Page) -> None:
    """Have the whole page drawn, as at a visit, and read it."""
    await tab.send(message(page))
    while not take(await received(tab), page):
        pass


async def read(tab: websockets.ClientConnection, page: Page, until: Callable[[], bool]) -> None:
    """Read what comes until *until* holds. Asks for timed fragments again, as the browser does."""
    timers: dict[str, float] = {}
    due: dict[str, float] = {}
    while not until():
        wait_s = max(0.0, min(due.values(), default=time.monotonic() + 1) - time.monotonic())
        try:
            async with asyncio.timeout(wait_s):
                news = await received(tab)
        except TimeoutError:
            for fragment in [one for one, at_s in due.items() if at_s <= time.monotonic()]:
                await tab.send(message(page, fragment=fragment))
                due[fragment] = time.monotonic() + timers[fragment]
            continue
        if news.WhichOneof("type") == "auto_rerun":
            fragment = news.auto_rerun.fragment_id
            timers[fragment] = news.auto_rerun.interval
            due[fragment] = time.monotonic() + timers[fragment]
        take(news, page)


async def received(tab: websockets.ClientConnection) -> ForwardMsg:
    news: ForwardMsg = ForwardMsg.FromString(bytes(await tab.recv()))  # type: ignore[arg-type]  # binary frames only
    return news


def take(news: ForwardMsg, page: Page) -> bool:
    """Take note of *news* on *page*; return whether a run of its script has ended with it."""
    kind = news.WhichOneof("type")
    if kind == "new_session":
        page.texts.clear()
    elif kind == "page_info_changed":
        page.address = news.page_info_changed.query_string
    elif kind == "delta" and news.delta.WhichOneof("type") == "new_element":
        element = news.delta.new_element
        if element.WhichOneof("type") == "chat_input":
            page.chat = element.chat_input.id
        elif element.WhichOneof("type") == "markdown":
            page.texts.append(element.markdown.body)
    elif kind == "delta" and news.delta.add_block.WhichOneof("type") == "expandable":
        page.texts.append(news.delta.add_block.expandable.label)
    return kind == "script_finished"


def message(page: Page, question: str = "", fragment: str = "") -> bytes:
    back = BackMsg()
    back.rerun_script.query_string = page.address
    if question:
        state = back.rerun_script.widget_states.widgets.add()
        state.id = page.chat
        state.chat_input_value.data = question
    if fragment:
        back.rerun_script.fragment_id = fragment
        back.rerun_script.is_auto_rerun = True
    data: bytes = back.SerializeToString()
    return data
