"""Replies that no service should give, by the thousand: only our own errors come out, and nothing wrong is taken for right."""

import copy
import json
import random
import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from chaos.figure import Figure
from chaos.seam import (
    CLIENTS,
    LIST,
    NUMBER,
    OBJECT,
    TEXT,
    TIME,
    YES,
    Operation,
    Where,
    document_of,
    open_operations,
)
from services.errors import ServiceError
from services.resilience import Limits
from tests.scripted_server import Asked, Reply, ScriptedServer

LIMITS = Limits(
    call_deadline_s=5, call_retries=0, retry_after_max_s=0, look_up_wait_s=0, breaker_min_calls=21
)
Verdict = Literal["must fail", "may do either", "must succeed"]
HTML = (
    b"<!DOCTYPE html><html><head><title>Sign in</title></head><body><form action=/login></form></body></html>"
)
JUNK: dict[str, bytes] = {
    "a page": HTML,
    "nothing": b"",
    "null": b"null",
    "an empty list": b"[]",
    "a number": b"17",
    "a text": b'"ok"',
    "true": b"true",
    "not a number": b"NaN",
    "half an object": b'{"id": "x", "created_at": 1',
    "bytes": b'{"id": "\xff\xfe\xc3\x28"}',
    "zeroes": b"\x00" * 40,
    "very deep": b"[" * 60_000 + b"]" * 60_000,
    "a huge number": b'{"id": ' + b"9" * 6_000 + b"}",
    "another document": b'{"error": null, "status": "ok"}',
    "an error": b'{"error": {"code": "x", "message": "No."}}',
    "another XML": b"<?xml version='1.0'?><other><a>1</a></other>",
    "XML that does not end": b"<EnumerationResults><Queues><Queue>",
    "an entity": b'<!DOCTYPE a [<!ENTITY b "c">]><QueueMessagesList>&b;&d;</QueueMessagesList>',
    "whitespace": b" \r\n\t" * 50,
    "a list of lists": b"[[[[]]]]",
}
WRONG: dict[str, list[object]] = {
    TEXT: [None, [], {}, 5, True, "", ["x"], {"a": 1}],
    TIME: [None, "noon", [], {}, True, "", "2026-99-99T99:99:99Z"],
    LIST: [None, {}, "x", 5, True, {"0": 1}],
    OBJECT: [None, [], "x", 5, True],
    YES: [None, False, "true", 1, [], {}],
    NUMBER: ["x", [], {}, True, "5"],
}
STATUSES = [*range(400, 419), 301, 302, 304, 307, 308, 429, 431, 451, *range(500, 512), 529, 599, 999]
HEADERS: list[tuple[str, str]] = [
    ("Retry-After", "7"),
    ("Retry-After", "86400"),
    ("Retry-After", "-1"),
    ("Retry-After", "soon"),
    ("Retry-After", "7;x"),
    ("Retry-After", "1e309"),
    ("Retry-After", "9" * 400),
    ("Retry-After", "NaN"),
    ("Retry-After", ""),
    ("Retry-After", "Fri, 31 Dec 9999 23:59:59 GMT"),
    ("Retry-After", "Mon, 01 Jan 0001 00:00:00 +2359"),
    ("Retry-After", "Mon, 99 Foo 2026 99:99:99 GMT"),
    ("x-ms-retry-after-ms", "99999999999999999999"),
    ("retry-after-ms", "-5"),
    ("Content-Type", "text/html"),
    ("Content-Type", ""),
    ("Content-Type", "application/json; charset=klingon"),
    ("Content-Type", "multipart/mixed"),
    ("Location", "https://elsewhere.example/x"),
    ("WWW-Authenticate", 'Bearer error="insufficient_claims", claims="%%%"'),
    ("x-ms-error-code", "\x7f<b>"),
    ("x-ms-request-id", "x" * 2_000),
    ("Date", "yesterday"),
    ("Set-Cookie", "a=b; Path=/"),
]


@dataclass(frozen=True, slots=True)
class Case:
    """A reply and what may come of it. *step*: which of the call's requests gets it, counted from 0. *why*: in words."""

    make: Callable[[Reply], Reply]
    verdict: Verdict
    why: str
    step: int = 0


@dataclass(frozen=True, slots=True)
class Slip:
    """*what*: `escaped`, an exception not of ours; `believed`, a wrong reply that was taken for a right one; `refused`, a
    right one that was not."""

    what: Literal["escaped", "believed", "refused"]
    operation: str
    why: str
    told: str


def case_for(operation: Operation, good: list[Reply], chance: random.Random) -> Case:
    """Return a case for *operation*, whose requests are answered by *good* when all is well."""
    step = chance.randrange(len(good))
    makers = [_junk, _status, _broken, _header]
    if operation.needs or operation.tags or operation.header:
        makers += [_lacking] * 4
    if chance.random() < 0.02:
        return Case(lambda reply: reply, "must succeed", "all is well")
    return replace(chance.choice(makers)(operation, good[step], chance), step=step)


def _junk(operation: Operation, _: Reply, chance: random.Random) -> Case:
    why, body = chance.choice(list(JUNK.items()))
    verdict: Verdict = "may do either" if operation.bare else "must fail"
    more = dict(chance.sample(HEADERS, chance.randrange(2)))
    return Case(
        lambda reply: replace(reply, body=body, chunks=(), headers={**reply.headers, **more}), verdict, why
    )


def _status(operation: Operation, good: Reply, chance: random.Random) -> Case:
    status = chance.choice(STATUSES)
    body = chance.choice([good.body, HTML, b"", b"null", b"[]", b'{"error": {"code": 5, "message": []}}', b'{"error": "no"}', b"\xff", JUNK["very deep"]])  # fmt: skip
    headers = dict(chance.sample(HEADERS, chance.randrange(4)))
    renewed = status == 401  # it is asked once more with a fresh token
    lenient = renewed or (operation.by_body and body == good.body)
    verdict: Verdict = "may do either" if lenient or status in operation.fine else "must fail"
    return Case(
        lambda reply: Reply(status, body, {**reply.headers, **headers}),
        verdict,
        f"status {status}, {headers}",
    )


def _broken(operation: Operation, good: Reply, chance: random.Random) -> Case:
    how = chance.choice(["reset", "reset_after_head", "truncate", "gzip"])
    long = good.body if len(good.body) > 1 else b'{"id": "x"}' * 2
    if how == "gzip":
        unread: Verdict = "may do either" if operation.bare else "must fail"
        headers = {**good.headers, "Content-Encoding": chance.choice(["gzip", "deflate"])}
        return Case(
            lambda reply: Reply(reply.status, b"\x1f\x8b not packed", headers), unread, "packed badly"
        )
    bodiless = operation.bare and how != "reset"  # what matters came with the head
    verdict: Verdict = "may do either" if bodiless else "must fail"
    return Case(lambda reply: replace(reply, body=reply.body or long, chunks=(), how=how), verdict, how)  # type: ignore[arg-type]  # one of three


def _header(_: Operation, __: Reply, chance: random.Random) -> Case:
    headers = dict(chance.sample(HEADERS, chance.randrange(1, 4)))
    return Case(
        lambda reply: replace(reply, headers={**reply.headers, **headers}),
        "may do either",
        f"headers {headers}",
    )


def _lacking(operation: Operation, good: Reply, chance: random.Random) -> Case:
    if operation.header:
        value = chance.choice([None, "", "many", "-3", "3.5", "²3", "0x3"])
        kept = {name: text for name, text in good.headers.items() if name != operation.header}
        given = kept if value is None else {**kept, operation.header: value}
        return Case(lambda reply: replace(reply, headers=given), "must fail", f"header {value!r}")
    if operation.tags:
        return _without_tag(chance.choice(operation.tags), good, chance)
    document = document_of(good)
    within = [(where, kind) for where, kind in operation.needs if _has(document, where)]
    if not within:
        return _junk(operation, good, chance)
    where, kind = chance.choice(within)
    if chance.random() < 0.25 and kind != NUMBER and isinstance(where[-1], str):
        return Case(lambda reply: _changed(reply, where, None, drop=True), "must fail", f"without {where}")
    wrong = chance.choice(WRONG[kind])
    return Case(lambda reply: _changed(reply, where, wrong), "must fail", f"{where} is {wrong!r}")


def _without_tag(tag: str, good: Reply, chance: random.Random) -> Case:
    text = good.body.decode()
    how = chance.choice(["gone", "empty", "renamed"])
    found = re.compile(f"<{tag}>.*</{tag}>")
    if how == "renamed" or tag in ("EnumerationResults", "QueueMessagesList"):
        how, text = "renamed", text.replace(f"<{tag}>", "<X>").replace(f"</{tag}>", "</X>")
    else:
        text = found.sub("" if how == "gone" else f"<{tag}></{tag}>", text)
    return Case(lambda reply: replace(reply, body=text.encode()), "must fail", f"{tag} {how}")


def _has(document: Any, where: Where) -> bool:
    try:
        for key in where:
            document = document[key]
    except (LookupError, TypeError):
        return False
    return True


def _changed(reply: Reply, where: Where, value: object, *, drop: bool = False) -> Reply:
    document = copy.deepcopy(document_of(reply))
    inner = document
    for key in where[:-1]:
        inner = inner[key]
    if drop:
        del inner[where[-1]]
    else:
        inner[where[-1]] = value
    return replace(reply, body=json.dumps(document).encode())


def try_case(server: ScriptedServer, operation: Operation, case: Case, *, again: bool = True) -> Slip | None:
    """Return what went wrong when *operation* met *case*; None when all was as it should be."""
    served = 0

    def answer(asked: Asked) -> Reply:
        nonlocal served
        number, served = served, served + 1
        good = operation.good(asked)
        return case.make(good) if number == case.step else good

    server.play(answer)
    name = f"{operation.client}: {operation.name}"
    try:
        found = operation.call()
    except ServiceError as error:
        if case.verdict != "must succeed":
            return None
        if again:  # the case before may have left a connection that the server had given up: the wrapper would repeat
            return try_case(server, operation, case, again=False)
        return Slip("refused", name, case.why, error.message)
    except Exception as exc:  # noqa: BLE001 - the very thing that is looked for
        return Slip("escaped", name, case.why, f"{type(exc).__name__}: {exc}"[:300])
    if case.verdict == "must fail" and served > case.step:
        return Slip("believed", name, case.why, f"{found!r:.200}")
    return None


def run_client(client: str, size: int, seed: int) -> tuple[int, list[Slip]]:
    """Play *size* replies to *client*; return how many were played and what slipped through."""
    chance = random.Random(f"{seed} {client}")
    slips: list[Slip] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        ScriptedServer(Path(folder)) as server,
        open_operations(server.url, server.ca_file, LIMITS) as operations,
    ):
        own = [one for one in operations if one.client == client]
        steps = {one.name: _steps(server, one) for one in own}
        for _ in range(size):
            operation = chance.choice(own)
            case = case_for(operation, steps[operation.name], chance)
            if (slip := try_case(server, operation, case)) is not None:
                slips.append(slip)
    return size, slips


def _steps(server: ScriptedServer, operation: Operation) -> list[Reply]:
    """Return the replies that *operation* gets when all is well, one for each of its requests."""
    given: list[Reply] = []

    def answer(asked: Asked) -> Reply:
        given.append(operation.good(asked))
        return given[-1]

    server.play(answer)
    operation.call()
    return given


def run(size: int, seed: int) -> Iterator[Figure]:
    """Yield, for each client, what slipped through of *size* replies (the whole suite: 2,000)."""
    for client in CLIENTS:
        played, slips = run_client(client, size, seed)
        counted = Counter(slip.what for slip in slips)
        examples = [f"{slip.operation}: {slip.why}: {slip.told}" for slip in slips[:5]]
        told = {"seed": seed, "replies": played, "refused": counted["refused"], "examples": examples}
        for what in ("escaped", "believed"):
            name = f"replies.{client.replace(' ', '_').lower()}.{what}"
            yield Figure(
                name, counted[what], 0, "replies", not counted[what] and not counted["refused"], told
            )
