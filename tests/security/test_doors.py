"""The doors of the real dashboard: where it refuses to run, what it serves to nobody, and what a websocket gets."""

import asyncio
import base64
import json
import os
import secrets
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import websockets
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from streamlit.web.server.starlette.starlette_server_config import XSRF_COOKIE_NAME
from websockets.typing import Origin, Subprotocol

from chaos.tab import Tab, signed_in
from chaos.users import User, figures, live, sightings_of
from commands.stack import dashboard, free_port
from emulator.supervisor import LocalOptions, attach_or_start
from tests.loopback_only.sitecustomize import RECORD
from tests.oidc_provider import COOKIE_SECRET, OTHER_TENANT, TENANT, OidcProvider
from tests.waiting import wait_for

ROOT = Path(__file__).parents[2]
ENDS_WITHIN_S = 60
OPEN = ["/", "/overview", "/ask", "/_stcore/health", "/_stcore/host-config", "/favicon.png"]
CLOSED = [
    "/media/0123456789abcdef0123456789abcdef.png",
    "/_stcore/upload_file/s/f",
    "/component/x/y",
    "/statusz",
    "/shown/0123456789abcdef/text",
    "/anything",
    "//media/x",
]
SIGNED_OUT, SIGNED_IN = "This dashboard is for people", "Ask a question, watch it travel"


@dataclass(frozen=True)
class Deck:
    address: str
    log: Path


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("doors")
    azure = attach_or_start(LocalOptions(folder))
    yield folder
    azure.stop()


@pytest.fixture(scope="module")
def provider() -> Iterator[OidcProvider]:
    with OidcProvider() as found:
        yield found


@pytest.fixture(scope="module")
def deck(state: Path, provider: OidcProvider) -> Iterator[Deck]:
    """A dashboard that people sign in to by oidc."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    given = {**provider.environment(address), "RELAYDECK_AUTH_IDLE_S": "60"}
    with dashboard(state, given, port=port, log_name="oidc.log") as (_, log):
        yield Deck(address, log)


@pytest.fixture(scope="module")
def platform(state: Path) -> Iterator[Deck]:
    """A dashboard where Container Apps' proxy would stand before it; the tests are the proxy."""
    given = {
        "RELAYDECK_AUTH": "easyauth",
        "RELAYDECK_AUTH_TENANT_ID": TENANT,
        "CONTAINER_APP_NAME": "relaydeck",
    }
    with dashboard(state, given, log_name="platform.log") as (address, log):
        yield Deck(address, log)


def claims(provider: OidcProvider, *roles: str, **says: object) -> dict[str, object]:
    return provider.claims(provider.add("Somebody", *roles, **says))


def cookie(deck: Deck, told: Mapping[str, object], secret: str = COOKIE_SECRET) -> str:
    return signed_in(told, secret, deck.address)


def header(role: str, oid: str = "o-1", tenant: str = TENANT) -> dict[str, str]:
    told = {"tid": tenant, "oid": oid, "name": "Proxied", "iat": str(int(time.time())), "roles": role}
    document = {
        "auth_typ": "aad",
        "role_typ": "roles",
        "claims": [{"typ": name, "val": value} for name, value in told.items()],
    }
    text = base64.b64encode(json.dumps(document).encode()).decode()
    return {"X-MS-CLIENT-PRINCIPAL": text, "X-MS-CLIENT-PRINCIPAL-ID": oid}


def status(deck: Deck, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> int:
    request = urllib.request.Request(f"{deck.address}{path}", headers=dict(headers or {}), method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return int(reply.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def shown(tab: Tab) -> str:
    """Return what the page says to a tab that opens it."""

    async def look() -> str:
        async with tab:
            await tab.run()
        return SIGNED_IN if tab.has(SIGNED_IN) else b"".join(tab.frames).decode(errors="replace")

    return asyncio.run(look())


# Where it refuses to run --------------------------------------------------------------------------------

STARTS = {
    "streamlit on all addresses": (
        ["streamlit", "run", "app.py", "--server.headless", "true", "--server.address", "0.0.0.0"],
        {},
        "would listen on 0.0.0.0",
    ),
    "uvicorn on all addresses": (["uvicorn", "app:app", "--host", "0.0.0.0"], {}, "would listen on 0.0.0.0"),
    "in Azure": (["uvicorn", "app:app"], {"CONTAINER_APP_NAME": "x"}, "runs in Azure (CONTAINER_APP_NAME)"),
}


@pytest.fixture(scope="module")
def refused_starts(state: Path) -> dict[str, tuple[int | None, str]]:
    """All at once: they only wait for Python to read Streamlit."""
    # Without the guard of the tests, which would forbid what is to be refused by the app itself.
    surroundings = {name: value for name, value in os.environ.items() if name != RECORD}
    running = {}
    for name, (command, given, _) in STARTS.items():
        port = ["--server.port" if "streamlit" in command else "--port", str(free_port())]
        running[name] = subprocess.Popen(
            [sys.executable, "-m", *command, *port],
            cwd=ROOT,
            env={**surroundings, "RELAYDECK_STATE_DIR": str(state), **given},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    ended: dict[str, tuple[int | None, str]] = {}
    for name, process in running.items():
        try:
            _, words = process.communicate(timeout=ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            _, words = process.communicate()
        ended[name] = process.returncode, words
    return ended


@pytest.mark.parametrize("how", STARTS)
def test_without_sign_in_it_does_not_run_where_others_reach_it(
    how: str, refused_starts: dict[str, tuple[int | None, str]]
) -> None:
    """Whatever told it where to listen, it is the socket that counts."""
    code, words = refused_starts[how]
    assert (code, STARTS[how][2] in words) == (2, True), words


# What it serves to nobody --------------------------------------------------------------------------------


def test_without_a_sign_in_only_what_is_the_same_for_everybody_is_served(
    deck: Deck, provider: OidcProvider
) -> None:
    """Also not by another spelling of an address."""
    assert {path: status(deck, path) for path in OPEN} == dict.fromkeys(OPEN, 200)
    assert {path: status(deck, path) for path in CLOSED} == dict.fromkeys(CLOSED, 401)
    assert status(deck, "/_stcore/upload_file/s/f", method="PUT") == 401
    assert status(deck, "/static/../media/x") in (400, 401)
    viewer = {"Cookie": cookie(deck, claims(provider, "Relaydeck.Viewer"))}
    assert status(deck, CLOSED[0], viewer) == 404  # let in; there is no such file
    no_role = {"Cookie": cookie(deck, claims(provider))}
    assert status(deck, CLOSED[0], no_role) == 401


def test_a_forged_header_of_the_platform_is_nobody(deck: Deck) -> None:
    """Sent to the port directly, a perfect one."""
    assert status(deck, CLOSED[0], header("Relaydeck.Admin")) == 401
    tab = Tab(deck.address, headers=header("Relaydeck.Admin"))
    assert SIGNED_OUT in shown(tab)


def test_the_platforms_header_says_who_it_is(platform: Deck) -> None:
    assert shown(Tab(platform.address, headers=header("Relaydeck.Viewer"))) == SIGNED_IN
    assert SIGNED_OUT in shown(Tab(platform.address))
    assert "another organisation" in shown(
        Tab(platform.address, headers=header("Relaydeck.Admin", tenant=OTHER_TENANT))
    )
    assert "no role here" in shown(Tab(platform.address, headers=header("Others")))
    assert status(platform, CLOSED[0], header("Relaydeck.Viewer")) == 404


def draft(deck: Deck, headers: Mapping[str, str], token: str = "") -> tuple[int, str]:
    """Return what the script of the start page gets when it asks for the draft of Agents: status and HTML."""
    told = {"token": token or secrets.token_hex(16), "query": "", "path": "agents", "timezone": "UTC", "offset": 0, "locale": "en-US",
            "url": f"{deck.address}/agents", "theme": "light"}  # fmt: skip
    request = urllib.request.Request(
        f"{deck.address}/draft",
        data=json.dumps(told).encode(),
        headers={"Origin": deck.address, **headers},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=20) as reply:
        return reply.status, reply.read().decode()


def test_a_draft_is_for_whoever_may_see_the_page(deck: Deck, platform: Deck, provider: OidcProvider) -> None:
    """The session that is begun for it is that of whoever asks."""
    token = generate_xsrf_token_string()
    viewer, nobody = cookie(deck, claims(provider, "Relaydeck.Viewer")), cookie(deck, claims(provider))
    own = {"Cookie": f"{viewer}; {XSRF_COOKIE_NAME}={token}"}

    def has_words() -> bool:
        status, html = draft(deck, own)
        return status == 200 and "<h1>Agents</h1>" in html

    wait_for(has_words)  # the first index of agents takes a moment
    wait_for(lambda: draft(platform, header("Relaydeck.Viewer"))[0] == 200)
    assert draft(deck, {}) == (204, "")
    assert draft(deck, {"Cookie": f"{nobody}; {XSRF_COOKIE_NAME}={token}"}) == (204, "")
    assert draft(deck, header("Relaydeck.Admin")) == (204, "")
    assert draft(deck, {**own, "Origin": "https://evil.example"}) == (204, "")
    assert draft(platform, {}) == (204, "")


def test_the_session_of_a_draft_goes_to_the_browser_of_the_same_sign_in(
    deck: Deck, provider: OidcProvider
) -> None:
    """It is sent the page without having asked for it; somebody else with the same token is not."""

    async def first(asked: str, who: str) -> bytes:
        headers = {"Cookie": who}
        address = f"{deck.address.replace('http', 'ws', 1)}/_stcore/stream?draft={asked}"
        async with websockets.connect(
            address,
            subprotocols=[Subprotocol("streamlit")],
            origin=Origin(deck.address),
            additional_headers=headers,
        ) as socket:
            try:
                return bytes(await asyncio.wait_for(socket.recv(), 3))  # type: ignore[arg-type]  # always bytes
            except TimeoutError:
                return b""

    xsrf = f"{XSRF_COOKIE_NAME}={generate_xsrf_token_string()}"
    own, other = (
        f"{cookie(deck, claims(provider, 'Relaydeck.Viewer', oid=one))}; {xsrf}" for one in ("o-5", "o-6")
    )
    for who, gets in ((own, True), (other, False)):
        token = secrets.token_hex(16)
        draft(deck, {"Cookie": own}, token)
        sent = asyncio.run(first(token, who))
        assert bool(sent) is gets
        assert not sent or ForwardMsg.FromString(sent).WhichOneof("type") == "new_session"


# What a websocket gets -----------------------------------------------------------------------------------


def test_a_cookie_that_is_not_ours_or_says_the_wrong_thing_shows_nothing(
    deck: Deck, provider: OidcProvider
) -> None:
    """The page that would be drawn behind it is neither drawn nor read."""
    now_s = int(time.time())
    good = claims(provider, "Relaydeck.Admin")
    cases = {
        "signed by another": (cookie(deck, good, "x" * 40), SIGNED_OUT),
        "for another address": (signed_in(good, COOKIE_SECRET, "http://127.0.0.1:1"), SIGNED_OUT),
        "expired": (cookie(deck, {**good, "exp": now_s - 1}), "come to its end"),
        "too old": (cookie(deck, {**good, "auth_time": now_s - 30_000}), "too long ago"),
        "other tenant": (cookie(deck, {**good, "tid": OTHER_TENANT}), "another organisation"),
        "other app": (cookie(deck, {**good, "aud": TENANT}), "another application"),
        "no account": (cookie(deck, {**good, "oid": ""}), "says too little"),
        "no role": (cookie(deck, {**good, "oid": "o-9", "roles": ["Admin"]}), "no role here"),
    }
    assert {
        name: words in shown(Tab(deck.address, cookie=told)) for name, (told, words) in cases.items()
    } == (dict.fromkeys(cases, True))
    assert shown(Tab(deck.address, cookie=cookie(deck, good))) == SIGNED_IN


@pytest.mark.parametrize("kind", ["oidc", "easyauth"])
def test_whoever_knows_the_id_of_a_session_does_not_go_on_in_it(
    kind: str, deck: Deck, platform: Deck, provider: OidcProvider
) -> None:
    """Session ids travel in the addresses of uploads; they are no secret."""
    if kind == "oidc":
        place = deck.address
        mine = {"cookie": cookie(deck, claims(provider, "Relaydeck.Operator", oid="o-2"))}
        theirs = {"cookie": cookie(deck, claims(provider, "Relaydeck.Operator", oid="o-3"))}
    else:
        place = platform.address
        mine = {"headers": header("Relaydeck.Operator", "o-2")}  # type: ignore[dict-item]  # the fields of a Tab
        theirs = {"headers": header("Relaydeck.Operator", "o-3")}  # type: ignore[dict-item]  # as above

    async def tries() -> tuple[str, ...]:
        async with Tab(place, **mine) as tab:  # type: ignore[arg-type]  # as above
            await tab.run()
        async with Tab(place, resume=tab.session) as nobody:
            await nobody.run()
        async with Tab(place, resume=tab.session, **theirs) as other:  # type: ignore[arg-type]  # as above
            await other.run()
        async with Tab(place, resume=tab.session, **mine) as again:  # type: ignore[arg-type]  # as above
            await again.run()
        return tab.session, nobody.session, other.session, again.session

    first, nobody, other, again = asyncio.run(tries())
    assert first and first == again and first not in (nobody, other)


def test_a_tab_whose_sign_in_ends_gets_nothing_more_whatever_part_it_asks_for(
    deck: Deck, provider: OidcProvider
) -> None:
    """A timed part of a page is run without the rest of the page, and so without the gate that stands in it."""
    ends_in_s = 6
    told = claims(provider, "Relaydeck.Viewer", oid="o-4", exp=int(time.time()) + ends_in_s)

    async def watch() -> tuple[list[bytes], list[ForwardMsg]]:
        async with Tab(deck.address, "overview", "refresh=5s", cookie=cookie(deck, told)) as tab:
            await tab.run()
            (part, *_) = [name for name, every_s in tab.fragments.items() if every_s >= 1]
            await tab.run(fragment=part, timer=True)
            seen = len(tab.frames)
            await asyncio.sleep(max(0.0, float(str(told["exp"])) - time.time() + 0.2))
            await tab.run(fragment=part, timer=True)
            return tab.frames[:seen], [ForwardMsg.FromString(one) for one in tab.frames[seen:]]

    before, after = asyncio.run(watch())
    assert b"come to its end" not in b"".join(before)
    assert [one.delta.new_element.markdown.body for one in after if one.delta.new_element.markdown.body] == [
        "# :material/lock: Please sign in again",
        "Somebody",
        "The sign-in has come to its end.",
    ]


def test_what_is_pressed_after_the_end_has_no_effect(deck: Deck, provider: OidcProvider) -> None:
    """The callback of a button runs before the page, and is asked who presses all the same."""
    told = claims(provider, "Relaydeck.Operator", oid="o-5", exp=int(time.time()) + 5)

    async def press() -> Tab:
        async with Tab(deck.address, cookie=cookie(deck, told)) as tab:
            await tab.run()
            box = tab.widget("question")
            await asyncio.sleep(max(0.0, float(str(told["exp"])) - time.time() + 0.2))
            await tab.run(asked=(box, "What is 1000 + 337?"))
        return tab

    tab = asyncio.run(press())
    assert tab.has("come to its end") and not tab.query
    viewer = Tab(deck.address, cookie=cookie(deck, claims(provider, "Relaydeck.Viewer", oid="o-6")))
    shown(viewer)
    assert not viewer.has("What is 1000 + 337?")


def test_a_viewer_who_presses_what_is_drawn_dead_has_no_effect(deck: Deck, provider: OidcProvider) -> None:
    """The disabled box is for the eye: a message that was made by hand meets the same rule in the service."""
    told = cookie(deck, claims(provider, "Relaydeck.Viewer", oid="o-7"))

    async def press() -> Tab:
        async with Tab(deck.address, cookie=told) as tab:
            await tab.run()
            await tab.run(asked=(tab.widget("question"), "What is 1000 + 338?"))
        return tab

    tab = asyncio.run(press())
    assert tab.has("takes the role Operator") and not tab.query


# Many at once ----------------------------------------------------------------------------------------------


def test_nobody_is_shown_what_is_another_users(deck: Deck, provider: OidcProvider) -> None:
    """Short: three people, one question each. The chaos suite has a hundred."""
    users = [User(number, [(f"w{number:016x}", f"4,000,000,{100 + number}")]) for number in range(3)]

    async def all_of_them() -> None:
        gate = asyncio.Semaphore(3)
        await asyncio.gather(
            *(
                live(
                    one,
                    deck.address,
                    gate,
                    0.0,
                    cookie(deck, claims(provider, "Relaydeck.Operator", oid=f"u-{one.number}")),
                )
                for one in users
            )
        )

    asyncio.run(all_of_them())
    assert {figure.name: (figure.value, figure.met) for figure in figures(users, 1, 0)} == {
        "users.foreign_sightings": (0, True),
        "users.lost_questions": (0, True),
    }


def test_a_word_of_another_user_would_be_seen() -> None:
    """In any form, and wherever it begins."""
    mine, other = User(0, [("w" + "1" * 16, "1,000,000,001")]), User(1, [("w" + "2" * 16, "2,000,000,002")])
    mine.seen = [b"w1111111111111111 1000000001", b"xxw2222222222222222x", b"92000000002", b"=2,000,000,002,"]
    assert sightings_of(mine, [mine, other]) == 3
