"""Hostile texts on every page, in a real browser: does any of them call another host, run, or do something nobody confirmed?

A whole Relaydeck whose model is on the other side. What others may write holds a hostile text each: questions, answers,
arguments, names and instructions of agents, messages of queues and of poison queues, rows of telemetry, parameters of
addresses. The browser visits every page, opens what can be opened, and is watched: every request it makes, every script
and dialog, every complaint of its policy, and what Local Azure was asked to change meanwhile.
What it does not measure: other browsers than Chromium, and what a person does with a link they press.
"""

import itertools
import json
import os
import tempfile
import time
import urllib.parse
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from unittest import mock

from playwright.sync_api import Browser, ConsoleMessage, Dialog, Page, Request, sync_playwright

import runtime
from chaos import payloads
from chaos.figure import Figure
from chaos.hostile_model import Sink, serving
from commands.history import _Teller as Teller
from commands.stack import Stack, running
from commands.test import browser_flags, find_browser
from emulator.connection import Connection, read_connection
from services.agents.catalogue import CATALOGUE
from services.demo.history import Chapter, Setting, history
from services.settings_source import load_settings
from services.telemetry.records import DEMO, EventRecord, Record, SpanRecord

T = TypeVar("T")
FULL = 1_000
PER_THREAD, PER_LOOK, PER_LIST = 25, 32, 20
SAMPLED = 24  # of what has a page of its own, an agent, a trace: so many at full size
GHOST = "azure-function-ghost-input"  # nobody reads this one
SETTLE_MS, LOAD_MS = 150, 20_000
MARKER = "window.pwned"
QUIET = "() => !document.querySelector('[data-testid=stApp][data-test-script-state=running]')"
# What Local Azure may be asked for while somebody looks: reading, signing in, telling of itself.
LOOKING = (
    "get_",
    "list_",
    "peek_",
    "query",
    "batch",
    "track",
    "token",
    "metrics",
    "lookup",
    "head_",
    "options_",
    "upload_logs",  # what was done before is put on record a moment later; an effect would be there beside it
)
KEPT = {"relaydeck.answer.id", "relaydeck.run.id", "gen_ai.conversation.id", "gen_ai.operation.name", "relaydeck.environment",
        "relaydeck.outcome", DEMO}  # fmt: skip
PARAMETERS: Mapping[str, Sequence[str]] = {
    "": ("thread", "answer"),
    "overview": ("range", "from", "to", "refresh", "zone"),
    "runs": (
        "runs-agent",
        "runs-tool",
        "runs-problem",
        "runs-words",
        "runs-sort",
        "runs-page",
        "run",
        "find",
    ),
    "queues": ("queue", "pair", "poison"),
    "metrics": ("tab", "metric", "agg", "split", "every", "resource"),
    "trace": ("run", "thread", "show", "call"),
    "agents": ("agents-text", "agents-kind", "agents-sort", "agent", "agents-page"),
    "threads": ("threads-text", "threads-agent", "threads-sort", "thread"),
    "cleanup": ("cleanup-kind", "cleanup-age", "cleanup-text"),
    "doctor": ("x",),
}


@dataclass
class Seen:
    """What the browser did that it should not, and what Local Azure was asked to change."""

    foreign: list[str] = field(default_factory=list)
    scripts: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    pages: Counter[str] = field(default_factory=Counter)

    def watch(self, tab: Page, ours: str) -> None:
        def asked(request: Request) -> None:
            address = urllib.parse.urlsplit(request.url)
            if address.scheme not in ("data", "blob") and address.netloc != ours:
                self.foreign.append(request.url[:200])

        def told(message: ConsoleMessage) -> None:
            if "Content Security Policy" in message.text or "violates" in message.text:
                self.refused.append(message.text[:200])

        def opened(dialog: Dialog) -> None:
            self.scripts.append(f"dialog: {dialog.message[:80]}")
            dialog.dismiss()

        tab.on("request", asked)
        tab.on("console", told)
        tab.on("dialog", opened)


def run(size: int = FULL, seed: int = 1) -> Iterator[Figure]:
    """Yield the figures of *size* hostile texts. Starts a whole Relaydeck and Chromium."""
    sink = Sink()
    try:
        with tempfile.TemporaryDirectory() as folder, chromium() as browser:
            texts = list(payloads.markup(size, seed, sink.host))
            with hostile_stack(Path(folder), texts, {}) as stack:
                yield from attack(stack, Path(folder), browser, texts, sink, seed)
    finally:
        sink.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    program = find_browser()
    if program is None:
        raise RuntimeError(
            "No Chromium or Chrome was found. Install one, or name it in RELAYDECK_TEST_BROWSER."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=browser_flags())
        yield browser
        browser.close()


@contextmanager
def hostile_stack(state: Path, texts: Sequence[str], environment: Mapping[str, str]) -> Iterator[Stack]:
    """Yield a Relaydeck whose model says *texts* in turn."""
    turns = itertools.cycle(texts)
    with serving(lambda: next(turns)) as model:
        given = {
            "RELAYDECK_LOCAL_MODEL_URL": model,
            "RELAYDECK_LOCAL_MODEL": "hostile",
            "RELAYDECK_SEED": "off",
        }
        with (
            mock.patch.dict(os.environ, given),
            running(state, {"RELAYDECK_SWEEP": "off", "RELAYDECK_TOOL_WAIT_S": "5", **environment}) as stack,
        ):
            yield stack


def attack(
    stack: Stack,
    state: Path,
    browser: Browser,
    texts: Sequence[str],
    sink: Sink,
    seed: int,
    *,
    brief: bool = False,
) -> Iterator[Figure]:
    """Yield the figures. *brief*: each page once, at its richest."""
    seen = Seen()
    connection = read_connection(state)
    assert connection is not None
    with services_of(state, connection) as live:
        planted = plant(live, connection, texts)
        context = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 1000})
        context.set_default_timeout(LOAD_MS)
        tab = context.new_page()
        seen.watch(tab, urllib.parse.urlsplit(stack.url).netloc)
        before = stack.control.last_request()
        own = (visit_each if brief else visit_all)(tab, live, planted, texts, seen)
        context.close()
        seen.effects += effects(stack.control.requests(before), own)
    crashes = [line for line in stack.log.read_text(errors="replace").splitlines() if "page.failed" in line]
    detail: dict[str, object] = {"texts": len(texts), "pages": dict(seen.pages), "seed": seed}
    yield _figure(
        "requests of hostile texts to other hosts", [*seen.foreign, *sink.calls], "requests", detail
    )
    yield _figure("scripts of hostile texts that ran", seen.scripts, "scripts", detail)
    yield _figure("hostile texts that the policy had to stop", seen.refused, "texts", detail)
    yield _figure("links of hostile texts that hide where they lead", seen.links, "links", detail)
    yield _figure("effects that nobody confirmed", seen.effects, "requests", detail)
    yield _figure("pages that hostile texts broke", [*seen.broken, *crashes], "pages", detail)


def _figure(name: str, found: Sequence[str], unit: str, detail: Mapping[str, object]) -> Figure:
    return Figure(name, len(found), 0, unit, not found, {**detail, "first": list(found[:5])})


# What others wrote ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Planted:
    threads: Sequence[str]
    agents: Sequence[str]
    runs: Sequence[tuple[str, str]]


@contextmanager
def services_of(state: Path, connection: Connection) -> Iterator[runtime.Runtime]:
    """Yield the services, as another process than the dashboard has them: it finds all in the stores."""
    settings = load_settings({"RELAYDECK_STATE_DIR": str(state), "RELAYDECK_TOOL_WAIT_S": "5"}).at(
        project_endpoint=connection.project_endpoint,
        storage_endpoint=connection.storage_endpoint,
        model=connection.model_deployment,
    )
    live = runtime.build(settings, runtime.local_endpoints(connection))
    try:
        yield live
    finally:
        live.close()


def plant(live: runtime.Runtime, connection: Connection, texts: Sequence[str]) -> Planted:
    tell(connection, texts)
    agents = [_agent(live, text, number) for number, text in enumerate(texts)]
    threads, runs = _conversations(live, texts)
    return Planted(threads, agents, runs)


def _agent(live: runtime.Runtime, text: str, number: int) -> str:
    document = {
        "model": "hostile",
        "name": text[:256] or "x",
        "description": text[:512],
        "instructions": text,
        "tools": [
            {
                "type": "azure_function",
                "azure_function": {
                    "function": {"name": f"f{number}", "description": text[:500], "parameters": {"type": "object", "properties": {text[:60] or "x": {"type": "string", "description": text}}}},
                    "input_binding": {"type": "storage_queue", "storage_queue": {"queue_service_endpoint": "https://127.0.0.1:1/a", "queue_name": f"ghost-{number}"}},
                    "output_binding": {"type": "storage_queue", "storage_queue": {"queue_service_endpoint": "https://127.0.0.1:1/a", "queue_name": f"ghost-{number}-out"}},
                },
            }
        ] if number % 3 == 0 else [],
    }  # fmt: skip
    return live.services.backend.create_agent_from(document, {"note": text[:500], "relaydeck": text[:60]}).id


def _conversations(live: runtime.Runtime, texts: Sequence[str]) -> tuple[list[str], list[tuple[str, str]]]:
    """Ask every text as a question; the model answers with others of them, and calls what it is given."""
    groups = [texts[start : start + PER_THREAD] for start in range(0, len(texts), PER_THREAD)]

    def converse(group: Sequence[str]) -> tuple[str, list[tuple[str, str]]]:
        thread, runs = "", list[tuple[str, str]]()
        for text in group:
            answer = live.services.answers.ask(text.strip("\0 \r\n\t") or "x", thread)
            answer = live.services.answers.finish(answer.id, 30.0)
            thread = answer.thread_id or thread
            if answer.run_id:
                runs.append((answer.run_id, thread))
        return thread, runs

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(converse, groups))
    return [thread for thread, _ in done if thread], [one for _, runs in done for one in runs]


def tell(connection: Connection, texts: Sequence[str]) -> None:
    """Put a day of telemetry into the workspace in which every name and every text is hostile."""
    now = datetime.fromtimestamp(time.time(), UTC)
    turns = itertools.cycle(texts)
    chapters = [one for one in history(Setting(now, "local", "hostile", CATALOGUE)) if one.is_answer]
    wanted = [_turned(one, turns) for one in chapters[: max(20, len(texts) // 2)]]
    teller = Teller(connection, 0.0)
    for start in range(0, len(wanted), 50):
        teller.tell(wanted[start : start + 50])


def _turned(chapter: Chapter, turns: Iterator[str]) -> Chapter:
    def hostile(name: str, value: str) -> str:
        plain = name in KEPT or value.replace(".", "").isdigit() or len(value) in (16, 32) or not value
        return value if plain else next(turns)

    def turned(record: Record) -> Record:
        kept = {name: hostile(name, value) for name, value in record.attributes.items()}
        if isinstance(record, SpanRecord) and record.name != "answer":
            return replace(record, name=f"{record.name.split(' ')[0]} {next(turns)}", attributes=kept)
        return replace(record, attributes=kept) if isinstance(record, SpanRecord | EventRecord) else record

    executions = tuple(replace(one) for one in chapter.executions)
    return replace(chapter, records=tuple(map(turned, chapter.records)), executions=executions)


# What is looked at -------------------------------------------------------------------------------------


def visit_all(
    tab: Page, live: runtime.Runtime, planted: Planted, texts: Sequence[str], seen: Seen
) -> set[str]:
    """Visit every page; return the operations that we ourselves send meanwhile."""
    share = max(1, SAMPLED * len(texts) // FULL)
    look = Look(tab, seen)
    for thread in planted.threads:
        look.at("ask", f"/?thread={thread}")
        look.at("threads", f"/threads?thread={thread}")
    for page in (
        "overview?range=24h",
        "metrics?range=24h&tab=agents",
        "metrics?range=24h",
        "cleanup",
        "doctor",
        "queues?range=24h",
    ):
        look.at(page.partition("?")[0], f"/{page}")
    for number in range(1, max(1, len(texts) // PER_LIST) + 1):
        if number <= share:
            look.at("agents", f"/agents?agents-page={number}&range=24h")
            look.at("threads", f"/threads?threads-page={number}")
            look.at("runs", f"/runs?range=24h&runs-page={number}")
    for agent in _spread(planted.agents, share):
        look.at("agents", f"/agents?agent={agent}")
    for run_id, thread in _spread(planted.runs, share):
        for show in ("Steps", "Messages", "Conversation", "Sequence", "Function log", "Raw"):
            look.at("trace", f"/trace?run={run_id}&thread={thread}&show={show}")
    _queues(live, look, texts)
    _addresses(look, texts, share)
    return {"put_message", "create_queue", "clear_messages"}


def visit_each(
    tab: Page, live: runtime.Runtime, planted: Planted, texts: Sequence[str], seen: Seen
) -> set[str]:
    """Visit every page once, at its richest, with hostile parameters where it has none of its own."""
    look = Look(tab, seen)
    run_id, thread = planted.runs[0]
    look.at("ask", f"/?thread={planted.threads[0]}")
    look.at("threads", f"/threads?thread={thread}")
    look.at("agents", f"/agents?agent={planted.agents[0]}")
    look.at("trace", f"/trace?run={run_id}&thread={thread}&show=Sequence")
    turns = itertools.cycle(texts)
    for page, name in (
        ("overview", "zone"),
        ("metrics", "metric"),
        ("runs", "runs-problem"),
        ("cleanup", "cleanup-text"),
    ):
        look.at(page, f"/{page}?range=24h&{urllib.parse.urlencode({name: next(turns)})}")
    _queues(live, look, texts)
    return {"put_message", "create_queue", "clear_messages"}


def _spread(found: Sequence[T], count: int) -> list[T]:
    return list(found[:: max(1, len(found) // count)][:count])


def _queues(live: runtime.Runtime, look: "Look", texts: Sequence[str]) -> None:
    """Fill a queue and its poison queue with each look's worth, and open every message."""
    queues = live.services.queues
    queues.ensure([GHOST, f"{GHOST}-poison"])
    clients = [live._clients.queues.get_queue_client(name) for name in (GHOST, f"{GHOST}-poison")]
    most = max(1, SAMPLED * len(texts) // FULL)
    for start in range(0, len(texts), PER_LOOK)[:most]:
        for client in clients:
            client.clear_messages()
            for text in texts[start : start + PER_LOOK]:
                client.send_message(json.dumps({"query": text, "CorrelationId": text[:80]}))
        look.at("queues", f"/queues?queue={GHOST}")
        look.at("queues", f"/queues?poison={GHOST}-poison")


def _addresses(look: "Look", texts: Sequence[str], share: int) -> None:
    turns = itertools.cycle(texts)
    for page, names in PARAMETERS.items():
        for _ in range(max(1, share // 4)):
            query = urllib.parse.urlencode({name: next(turns)[:1_500] for name in names})
            look.at(page or "ask", f"/{page}?{query}")


@dataclass
class Look:
    tab: Page
    seen: Seen

    def at(self, name: str, address: str) -> None:
        """Open *address*, wait until nothing is drawn any more, open what can be opened, and look for what must not be."""
        self.seen.pages[name] += 1
        try:
            self.tab.goto(address)
            self.tab.get_by_test_id("stMain").wait_for()
            self._settle()
            self._open()
            self._judge(address)
        except Exception as exc:  # noqa: BLE001 - a page that cannot be looked at is counted, and the next is looked at
            self.seen.broken.append(f"{address[:80]}: {str(exc)[:300]}")

    def _settle(self) -> None:
        self.tab.wait_for_function(QUIET)
        self.tab.wait_for_timeout(SETTLE_MS)
        self.tab.wait_for_function(QUIET)

    def _open(self) -> None:
        """Open all that is folded, and what is folded in that. By script: what lies outside of the window counts as well."""
        for _ in range(2):
            if not self.tab.evaluate(_OPEN):
                return
            self._settle()

    def _judge(self, address: str) -> None:
        found: dict[str, list[str]] = self.tab.evaluate(_JUDGE)
        self.seen.scripts += [f"{address[:60]}: {one}" for one in found["ran"]]
        self.seen.foreign += [f"{address[:60]}: {one}" for one in found["fetching"]]
        self.seen.links += [f"{address[:60]}: {one}" for one in found["hidden"]]
        self.seen.broken += [f"{address[:60]}: {one}" for one in found["broken"]]


_OPEN = """() => {
  const closed = [...document.querySelectorAll('[data-testid=stMain] details:not([open]) > summary')].slice(0, 40);
  closed.forEach(one => one.click());
  return closed.length;
}"""
# In the page: did anything run, is there an element that fetches from elsewhere, does every link show its host?
_JUDGE = """() => {
  const parsed = text => { try { return new URL(text, location.href); } catch { return {protocol: 'http:', host: text.replace(/^https?:[/][/]/i, '').toLowerCase()}; } };
  const here = location.host, main = document.querySelector('[data-testid=stApp]');
  const ran = window.pwned === undefined ? [] : [`pwned by ${window.pwned}`];
  const fetching = [], hidden = [], broken = [];
  for (const one of main.querySelectorAll('[src],[srcset],[poster],[data],object,embed,iframe,base,meta[http-equiv],form[action]')) {
    const address = one.getAttribute('src') || one.getAttribute('srcset') || one.getAttribute('poster') || one.getAttribute('data') || '';
    const leads = parsed(address || '#');
    const ours = ['data:', 'blob:'].includes(leads.protocol) || leads.host === here;
    if (!ours || ['OBJECT', 'EMBED', 'IFRAME', 'BASE', 'META'].includes(one.tagName)) fetching.push(one.outerHTML.slice(0, 160));
  }
  for (const one of main.querySelectorAll('a[href]')) {
    const leads = parsed(one.getAttribute('href'));
    if (leads.host === here) continue;
    const around = (one.parentElement ? one.parentElement.innerText : '') + one.innerText;
    if (!['http:', 'https:', 'mailto:'].includes(leads.protocol) || (leads.protocol !== 'mailto:' && !around.toLowerCase().includes(leads.host)))
      hidden.push(one.outerHTML.slice(0, 160));
  }
  if (main.querySelector('[data-testid=stException]')) broken.push(main.querySelector('[data-testid=stException]').innerText.slice(0, 160));
  if (main.innerText.includes('Something in Relaydeck itself went wrong')) broken.push('a bug was reported');
  return {ran, fetching, hidden, broken};
}"""


def effects(requests: Sequence[Mapping[str, object]], own: set[str]) -> list[str]:
    """Return what Local Azure was asked to change that neither looking nor we ourselves do."""
    found = []
    for one in requests:
        operation = str(one["operation"]).rpartition(".")[2]
        if one["method"] in ("GET", "HEAD", "OPTIONS") or operation.startswith(LOOKING) or operation in own:
            continue
        found.append(f"{one['method']} {one['path']} ({one['operation']})")
    return found
