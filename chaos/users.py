"""Many people at once, each with what nobody else may see: 100 users ask 10 questions each, through the real dashboard.

Every user is a sign-in of their own and a tab of their own. Each question asks for a sum that no other question has, behind
a word that no other has; both lie behind the first 120 characters, which are the title of a conversation and, by design,
seen by everybody in the list of recent ones. Counted: frames in which somebody got another's word or sum, and questions
whose answer never reached their own tab.

What it does not measure: the browsers' own drawing. What is shared on purpose, the pages that show all runs and threads of
an installation, is not opened.
"""

import asyncio
import random
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from chaos.figure import Figure
from chaos.tab import Tab, signed_in
from commands.stack import dashboard, free_port
from emulator.supervisor import LocalOptions, attach_or_start

QUESTIONS = 10
AT_ONCE = 8  # tabs that run their page at the same moment: more only wait for the processor
ANSWERED_WITHIN_S, LOOK_S = 120.0, 0.5
TENANT = "11111111-2222-4333-8444-555555555555"
CLIENT = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"
SECRET = "0123456789abcdef" * 4
PREFACE = (
    "I would like to know one thing only, and please be exact about it, for somebody else will check it by hand later on. "
    "What is "
)


# Everything that could be a word or a sum, wherever it begins: what stands before it may look like a part of it.
SECRETS = re.compile(rb"(?=(w[0-9a-f]{16}|[0-9](?:,[0-9]{3}){3}|[0-9]{10}))")


@dataclass
class User:
    """*words*: what only they may be shown, one pair for each question. *lost*: questions without their answer."""

    number: int
    words: list[tuple[str, str]] = field(default_factory=list)
    lost: int = 0
    seen: list[bytes] = field(default_factory=list)
    runs_s: list[float] = field(default_factory=list)


def run(size: int, seed: int) -> Iterator[Figure]:
    """Yield the figures of *size* users with QUESTIONS each."""
    yield from figures(asyncio.run(all_of_them(size, QUESTIONS, seed)), QUESTIONS, seed)


def figures(users: list[User], questions: int, seed: int) -> Iterator[Figure]:
    sightings = sum(sightings_of(one, users) for one in users)
    lost = sum(one.lost for one in users)
    runs_ms = sorted(1000 * took for one in users for took in one.runs_s)
    detail = {
        "users": len(users),
        "questions": len(users) * questions,
        "frames": sum(len(one.seen) for one in users),
        "bytes": sum(map(len, (frame for one in users for frame in one.seen))),
        "p95_run_ms": round(runs_ms[int(len(runs_ms) * 0.95)]) if runs_ms else None,
        "seed": seed,
    }
    yield Figure("users.foreign_sightings", sightings, 0, "sightings", sightings == 0, detail)
    yield Figure("users.lost_questions", lost, 0, "questions", lost == 0, detail)


def sightings_of(user: User, users: list[User]) -> int:
    """Return in how many frames *user* was sent a word or a sum of anybody else's."""
    mine = {form for word, total in user.words for form in forms_of(word, total)}
    theirs = {form for one in users for word, total in one.words for form in forms_of(word, total)} - mine
    return sum(not theirs.isdisjoint(SECRETS.findall(frame)) for frame in user.seen)


def forms_of(word: str, total: str) -> tuple[bytes, ...]:
    return word.encode(), total.encode(), total.replace(",", "").encode()


async def all_of_them(size: int, questions: int, seed: int) -> list[User]:
    drawn = random.Random(seed)  # noqa: S311 - the seed must bring the same again
    sums = drawn.sample(range(10**9, 10**10), size * questions)
    users = [User(number) for number in range(size)]
    for place, total in enumerate(sums):
        word = f"w{drawn.getrandbits(64):016x}"
        users[place % size].words.append((word, f"{total:,}"))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        state = Path(folder) / "state"
        azure = attach_or_start(LocalOptions(state))
        stack.callback(azure.stop)
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        stack.enter_context(dashboard(state, _environment(address), port=port))
        gate = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(
            *(
                live(one, address, gate, drawn.random(), signed_in(_claims(one.number), SECRET, address))
                for one in users
            )
        )
    return users


async def live(user: User, address: str, gate: asyncio.Semaphore, delay_s: float, cookie: str) -> None:
    """Ask one question after the other in one conversation, each once the one before is answered."""
    await asyncio.sleep(delay_s)
    async with Tab(address, cookie=cookie) as tab:
        await _run(tab, user, gate)
        box = tab.widget("question")
        for word, total in user.words:
            high = int(total.replace(",", ""))
            low = high % 9_973 + 1
            question = f"{PREFACE}{high - low} + {low}? My own word, for nobody else: {word}."
            await _run(tab, user, gate, asked=(box, question))
            if not await _answered(tab, user, gate, word, total):
                user.lost += 1
        user.seen = tab.frames


async def _answered(tab: Tab, user: User, gate: asyncio.Semaphore, word: str, total: str) -> bool:
    """Return whether their own word and their own sum came, in whatever way the answer writes it."""
    own, *forms = forms_of(word, total)
    until_s = time.monotonic() + ANSWERED_WITHIN_S
    while time.monotonic() < until_s:
        await asyncio.sleep(LOOK_S)
        frames = await _run(tab, user, gate)
        if own in frames and any(form in frames for form in forms) and not tab.fragments:
            return True
    return False


async def _run(tab: Tab, user: User, gate: asyncio.Semaphore, asked: tuple[str, str] | None = None) -> bytes:
    async with gate:
        began_s = time.monotonic()
        frames = await tab.run(asked=asked)
        user.runs_s.append(time.monotonic() - began_s)
        return frames


def _claims(number: int) -> dict[str, object]:
    now_s = int(time.time())
    return {
        "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "aud": CLIENT,
        "tid": TENANT,
        "oid": f"user-{number}",
        "name": f"User {number}",
        "roles": ["Relaydeck.Operator"],
        "iat": now_s,
        "exp": now_s + 36_000,
    }


def _environment(address: str) -> dict[str, str]:
    return {
        "RELAYDECK_AUTH": "oidc",
        "RELAYDECK_AUTH_TENANT_ID": TENANT,
        "RELAYDECK_AUTH_CLIENT_ID": CLIENT,
        "RELAYDECK_AUTH_CLIENT_SECRET": "unused: everybody is signed in already",
        "RELAYDECK_AUTH_COOKIE_SECRET": SECRET,
        "RELAYDECK_AUTH_ADDRESS": address,
        "RELAYDECK_MAX_WAITING": "1000",
        "RELAYDECK_ANSWER_DEADLINE_S": "600",
        "RELAYDECK_TELEMETRY": "off",
    }
