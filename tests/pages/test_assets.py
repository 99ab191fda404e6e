"""The front end's own files, as a browser asks for them: by ASGI, the protocol itself, in front of nothing."""

import asyncio
import gzip
from pathlib import Path

import pytest

from ui.asgi import Message, Receive, Send
from ui.assets import AssetMiddleware
from ui.hardening import headers
from ui.plotly_script import plan, stock
from ui.prefetch import links, read_manifest, scripts
from ui.start_page import SCRIPT, StartPageMiddleware, script_hash, start_page, style

LEFT = 418


class Reply:
    def __init__(self) -> None:
        self.status, self.body = 0, b""
        self.headers: dict[bytes, bytes] = {}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], dict(message["headers"])
        else:
            self.body += message.get("body", b"")


async def streamlit(_: Message, __: Receive, send: Send) -> None:
    """What lies behind: answers whatever is left to it."""
    await send({"type": "http.response.start", "status": LEFT, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def ask(
    path: str,
    *headers: tuple[bytes, bytes],
    client: str = "127.0.0.1",
    method: str = "GET",
    root: str = "",
    of: type[AssetMiddleware | StartPageMiddleware] = AssetMiddleware,
) -> Reply:
    reply = Reply()
    scope: Message = {
        "type": "http",
        "method": method,
        "path": path,
        "root_path": root,
        "headers": list(headers),
        "client": (client, 1),
    }

    async def receive() -> Message:
        return {"type": "http.request"}

    asyncio.run(of(streamlit)(scope, receive, reply.send))
    return reply


@pytest.fixture(scope="module")
def script() -> str:
    return "/" + scripts(read_manifest(), ["Metric"])[0]


def test_a_script_is_what_streamlit_ships_and_is_kept_for_ever(script: str) -> None:
    """Its name carries a hash of its content."""
    import streamlit

    reply = ask(script)

    assert reply.status == 200
    assert reply.body == (Path(streamlit.__file__).parent / "static" / script.lstrip("/")).read_bytes()
    assert b"immutable" in reply.headers[b"cache-control"]
    assert reply.headers[b"content-type"] == b"text/javascript"
    assert b"content-encoding" not in reply.headers


def test_over_a_network_it_comes_packed(script: str) -> None:
    accepts = (b"accept-encoding", b"gzip, deflate, br")
    packed, plain = ask(script, accepts, client="10.0.0.7"), ask(script, accepts)

    assert packed.headers[b"content-encoding"] == b"gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body)
    assert packed.headers[b"content-length"] == str(len(packed.body)).encode()


def test_who_cannot_unpack_gets_it_plain(script: str) -> None:
    assert b"content-encoding" not in ask(script, client="10.0.0.7").headers


def test_fonts_are_not_packed_again() -> None:
    import streamlit

    media = Path(streamlit.__file__).parent / "static" / "static" / "media"
    font = next(file.name for file in media.iterdir() if file.suffix == ".woff2")
    reply = ask(f"/static/media/{font}", (b"accept-encoding", b"gzip"), client="10.0.0.7")

    assert reply.status == 200 and b"content-encoding" not in reply.headers


def test_below_an_address_of_its_own_it_is_found_too(script: str) -> None:
    """Behind a proxy that hands a part of its address on."""
    assert ask(f"/relaydeck{script}", root="/relaydeck").status == 200


@pytest.mark.parametrize(
    "path",
    [
        "/static/js/../../index.html",
        "/static/js/..%2f..%2findex.html",
        "/static/js/",
        "/static/js/none.js",
        "/static/../app.py",
        "//static/js/x.js",
        "/app/static/secret.js",
    ],
)
def test_what_is_no_such_file_is_left_to_streamlit(path: str) -> None:
    assert ask(path).status == LEFT


@pytest.mark.parametrize("name", [b"range", b"if-none-match", b"if-modified-since"])
def test_what_asks_for_less_than_the_whole_is_left_to_streamlit(script: str, name: bytes) -> None:
    assert ask(script, (name, b"bytes=0-1")).status == LEFT


def test_what_is_not_read_is_left_to_streamlit(script: str) -> None:
    assert ask(script, method="POST").status == LEFT


PLOTLY = f"/static/js/{plan().file}"


def test_plotlys_script_comes_without_what_is_never_drawn() -> None:
    found = stock()
    assert found is not None
    plain, packed = ask(PLOTLY), ask(PLOTLY, (b"accept-encoding", b"gzip"), client="10.0.0.7")

    assert (plain.status, packed.status) == (200, 200)
    assert plain.body == gzip.decompress(packed.body) == plan().applied(found.read_bytes())
    assert len(plain.body) < found.stat().st_size / 3


def test_plotlys_script_is_asked_for_again_and_sent_when_it_is_another() -> None:
    """Its name does not change with what is left out."""
    tag = ask(PLOTLY).headers[b"etag"]
    known, other = ask(PLOTLY, (b"if-none-match", tag)), ask(PLOTLY, (b"if-none-match", b'W/"0"'))

    assert (known.status, known.body, known.headers[b"etag"]) == (304, b"", tag)
    assert other.status == 200 and other.body
    assert b"immutable" not in other.headers[b"cache-control"]


def test_every_page_names_its_scripts_and_all_of_them_exist() -> None:
    import streamlit

    root = Path(streamlit.__file__).parent / "static"
    found = links(read_manifest())

    assert {"/", "/ask", "/overview", "/runs", "/queues", "/metrics", "/trace"} <= set(found)
    for named in found.values():
        assert named and all((root / one.file).is_file() for one in named)


def test_a_release_that_describes_itself_otherwise_loads_nothing_early() -> None:
    assert links({}) == {}
    assert scripts({"index.html": {"isEntry": True}}, ["Metric"]) == []


def test_the_address_of_a_page_brings_streamlits_page_told_where_its_server_is() -> None:
    import streamlit

    reply = ask("/overview", of=StartPageMiddleware)
    shipped = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()

    assert (reply.status, reply.headers[b"cache-control"]) == (200, b"no-cache")
    waiting = "".join(one.waiting for one in links(read_manifest())["/overview"])
    told = shipped.replace("<head>", f"<head><script>{SCRIPT}</script><style>{style(shipped)}</style>", 1)
    assert reply.body.decode() == told.replace("</head>", f"{waiting}</head>", 1)
    assert 'data-wave="1"' in waiting and 'data-wave="2"' in waiting and b"link" not in reply.headers
    assert script_hash() in headers()["content-security-policy"]


@pytest.mark.parametrize("path", ["/overview/", "/none", "/_stcore/health", "/overview/_stcore/health"])
def test_other_addresses_are_left_to_streamlit(path: str) -> None:
    assert ask(path, of=StartPageMiddleware).status == LEFT


def test_below_an_address_of_its_own_streamlit_finds_its_server_itself() -> None:
    """The script knows the root only."""
    assert ask("/relaydeck/overview", root="/relaydeck", of=StartPageMiddleware).status == LEFT
    assert ask("/overview", method="POST", of=StartPageMiddleware).status == LEFT


def test_the_start_page_is_whole() -> None:
    assert start_page().count("<script>") == start_page().count("</script>") - 1  # one has attributes
