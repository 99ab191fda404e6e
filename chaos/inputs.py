"""What others type, send and configure: filters, attacks on queries, addresses, ids, queue messages. Nothing escapes.

Filters go through the shipped queries into the text that is sent, which an independent reader takes apart again; a share
of them, and every attack, is asked of Local Azure's workspace. Messages lie in real queues, and everything that reads one
reads them. What it does not measure: Azure's own reader of KQL, which `run.py test` asks about the shipped queries.
"""

import itertools
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from azure.core.exceptions import HttpResponseError

from chaos import kql_tokens, payloads
from chaos.figure import Figure
from emulator.server import Emulator, EmulatorSettings
from services import endpoints
from services.endpoints import AddressError
from services.errors import ConfigurationError, InvalidInput, ServiceError
from services.monitor.catalogue import Query, all_queries
from services.monitor.kql import Value
from services.monitor.results import Ask
from services.poison import reading
from services.poison.shapes import Look
from services.settings_source import load_settings
from tests.contract.monitor_support import message, rows, track
from tests.contract.poison_support import INPUT, POISON, Bench, open_bench
from ui import poison_export, safe

FULL = 20_000  # filters; the rest follows in the proportion of the goal
SHIELDED = "the-row-that-no-filter-may-show"
START, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ASKED = "function_log"  # reads the table that the row lies in, and shows what belongs to the ids it is given
PER_QUEUE = 32  # what one look shows
CHECKS: Mapping[str, Callable[[str], str]] = {
    "project": endpoints.project_endpoint,
    "storage": endpoints.storage_endpoint,
    "metrics": endpoints.metrics_endpoint,
}
VARIABLES = {
    "project": "PROJECT_ENDPOINT_ENT",
    "storage": "STORAGE_SERVICE_ENDPOINT",
    "metrics": "RELAYDECK_METRICS_ENDPOINT",
}


def run(size: int = FULL, seed: int = 1) -> Iterator[Figure]:
    """Yield one figure per goal. *size*: how many filters; 20,000 also means 500 attacks, 200 addresses, 1,000 messages."""
    yield filters(size, seed)
    yield addresses(max(size * 200 // FULL, 20), seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        Emulator(EmulatorSettings(state=Path(folder))) as emulator,
        open_bench(emulator) as bench,
    ):
        yield attacks(max(size * 500 // FULL, 20), seed, bench, Path(folder))
        yield ids(max(size * 200 // FULL, 20), seed, bench)
        yield messages(max(size * 1_000 // FULL, PER_QUEUE), seed, bench)


def filters(count: int, seed: int) -> Figure:
    """In how many shipped queries did a filter become more than one text?"""
    taking = [one for one in all_queries().values() if "string" in one.parameters.values()]
    calm = {one.name: kql_tokens.shape(kql_tokens.tokens(one.bound(_values(one, "calm")))) for one in taking}
    escaped: list[str] = []
    refused = 0
    for query, text in zip(itertools.cycle(taking), payloads.filters(count, seed), strict=False):
        try:
            sent = query.bound(_values(query, text))
        except InvalidInput:
            refused += 1
            continue
        found = kql_tokens.tokens(sent)
        asked = sum(kind == "string" for kind in query.parameters.values())
        if kql_tokens.shape(found) != calm[query.name] or [t.value for t in found].count(text) < asked:
            escaped.append(repr(text))
    detail = {"filters": count, "refused_in_words": refused, "seed": seed, "first": escaped[:3]}
    return Figure("filters that became more than one text", len(escaped), 0, "filters", not escaped, detail)


def attacks(count: int, seed: int, bench: Bench, folder: Path) -> Figure:
    """How many attacks, as a filter or as the whole query, showed a row they should not, changed one, or broke the service?"""
    file = folder / "secret.csv"
    file.write_text(f"column0\n{SHIELDED}\n")
    track(bench.emulator, [message(SHIELDED)])
    found: list[str] = []
    answers = Counter[str]()
    for attack in payloads.kql_attacks(count, seed, "AppTraces", str(file)):
        said = _as_filter(bench, attack, answers) + _as_query(bench, attack, answers)
        if SHIELDED in said:
            found.append(attack)
    intact = rows(bench.emulator, f"AppTraces | where Message == '{SHIELDED}' | count") == [[1]]
    detail = {
        "attacks": count,
        "answers": dict(answers),
        "rows_intact": intact,
        "seed": seed,
        "first": found[:3],
    }
    return Figure(
        "query attacks that reached another table or a file",
        len(found),
        0,
        "attacks",
        not found and intact,
        detail,
    )


def _as_filter(bench: Bench, attack: str, answers: Counter[str]) -> str:
    logs = bench.run.services.logs
    assert logs is not None
    (result,) = logs.ask(Ask(ASKED, _values(all_queries()[ASKED], attack)))
    answers[f"filter {result.state}"] += 1
    return repr(result.rows)


def _as_query(bench: Bench, attack: str, answers: Counter[str]) -> str:
    """Return what the workspace shows of the file when the attack itself is the query. Its tables it may show."""
    try:
        found = rows(bench.emulator, f'AppRequests | where Name == "{attack}')
    except HttpResponseError as error:
        answers[f"query {error.status_code}"] += 1
        return "" if error.status_code in (400, 504) else SHIELDED
    answers["query answered"] += 1
    return repr(found) if ".csv" in attack else ""


def addresses(count: int, seed: int) -> Figure:
    """How many hostile addresses would have been asked?"""
    accepted: list[str] = []
    good = {VARIABLES[name]: f"https://{host}{payloads.PATHS[name]}" for name, host in payloads.GOOD.items()}
    whole = {"RELAYDECK_MODE": "azure", "MODEL_DEPLOYMENT_NAME": "m", **good}
    whole["RELAYDECK_FOUNDRY_RESOURCE_ID"] = endpoints.FOUNDRY_RESOURCE_EXAMPLE
    load_settings(whole)  # what is attacked is well otherwise
    for target, address in payloads.addresses(count, seed):
        try:
            CHECKS[target](address)
            accepted.append(address)
        except AddressError:
            pass
        try:
            load_settings({**whole, VARIABLES[target]: address})
            accepted.append(f"{VARIABLES[target]}={address}")
        except ConfigurationError:
            pass
    detail = {"addresses": count, "seed": seed, "first": accepted[:3]}
    return Figure("hostile addresses that were accepted", len(accepted), 0, "addresses", not accepted, detail)


def ids(count: int, seed: int, bench: Bench) -> Figure:
    """How many requests went elsewhere than to the object that an id names, because of the id?"""
    services = bench.run.services
    lookups: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("/threads/{}", services.thread.read),
        ("/assistants/{}", services.backend.get_definition),
        ("/threads/{}/runs/run_x", lambda one: services.backend.get_run(one, "run_x")),
        ("/threads/thread_x/runs/{}", lambda one: services.backend.get_run("thread_x", one)),
        ("/threads/thread_x/runs/{}/cancel", lambda one: services.backend.cancel_run("thread_x", one)),
        ("/threads/thread_x/runs/{}/steps", lambda one: services.backend.list_steps("thread_x", one)),
        ("/threads/{}", services.backend.delete_thread),
        ("/assistants/{}", services.backend.delete_agent),
        ("/devstoreaccount1/{}", services.queues.depth_of),
        ("/devstoreaccount1/{}/messages", services.queues.peek),
        ("/devstoreaccount1/{}", services.queues.delete),
        ("/threads/{}/runs/run_x", lambda one: services.diagnosis.diagnose("run_x", one)),
    )
    astray: list[str] = []
    crashed: list[str] = []
    for one in _ids(count, seed):
        for path, look in lookups:
            before = len(bench.emulator.requests())
            try:
                look(one)
            except ServiceError:
                pass
            except Exception as exc:  # noqa: BLE001 - the very thing that is counted
                crashed.append(f"{path} {one!r}: {exc!r}")
            asked = [
                seen.path for seen in bench.emulator.requests()[before:] if not seen.path.endswith("$batch")
            ]
            astray += [f"{path} {one!r}: {found}" for found in asked if not found.endswith(path.format(one))]
            astray += [f"{path} {one!r}: {found}" for found in asked if set(one) & set("/\\?#%\r\n\0 ")]
    detail = {
        "ids": count,
        "lookups": len(lookups),
        "crashes": len(crashed),
        "seed": seed,
        "first": (astray + crashed)[:3],
    }
    return Figure(
        "requests that an id led astray",
        len(astray) + len(crashed),
        0,
        "requests",
        not astray + crashed,
        detail,
    )


def _ids(count: int, seed: int) -> Iterator[str]:
    fixed = (
        "..",
        "../threads",
        "a/../b",
        "a/b",
        "a?b=c",
        "a#b",
        "%2e%2e%2f",
        "a\r\nHost: x",
        "//evil.example/x",
        "",
        " ",
    )
    more = (
        "https://evil.example",
        "@evil.example",
        ".",
        "a\x00b",
        "\ud800",
        "x" * 5_000,
        "{endpoint}",
        "a&b",
        "a;b",
        "\\\\x",
    )
    yield from itertools.islice(itertools.chain(fixed, more, payloads.filters(count, seed)), count)


def messages(count: int, seed: int, bench: Bench) -> Figure:
    """How many messages broke what reads them: the peek, the poison desk with its reasons, the exports, the replay?"""
    services = bench.run.services
    broken: list[str] = []
    read = 0
    batches = _batches(payloads.messages(count, seed))
    for contents in batches:
        for queue in (INPUT, POISON):
            bench.put(queue, *contents)
        for what, look in (
            ("peek", lambda: services.queues.peek(INPUT)),
            ("raw peek", lambda: services.queues.peek_raw(INPUT)),
            ("look", lambda: _shown(services.poison.look(POISON))),
            ("look through", lambda: _shown(services.poison.look_through(POISON))),
            ("replay", lambda: services.poison_moves.replay_all(POISON, INPUT)),
        ):
            try:
                look()
            except Exception as exc:  # noqa: BLE001 - the very thing that is counted
                broken.append(f"{what}: {exc!r}")
        for content in contents:
            try:
                found = reading.read(content)
                _ = (
                    found.form_fault,
                    found.correlation,
                    found.arguments,
                    found.trace_id,
                    safe.parts(found.text[:20_000]),
                )
                read += 1
            except Exception as exc:  # noqa: BLE001
                broken.append(f"{content[:60]!r}: {exc!r}")
        bench.run._clients.queues.get_queue_client(INPUT).clear_messages()
        bench.run._clients.queues.get_queue_client(POISON).clear_messages()
    detail = {"messages": count, "read": read, "seed": seed, "first": broken[:3]}
    return Figure(
        "messages that broke what reads them",
        len(broken),
        0,
        "messages",
        not broken and read == count,
        detail,
    )


def _shown(look: Look) -> int:
    """Make of a look all that pages make of it."""
    made = len(poison_export.as_csv(look.messages)) + len(poison_export.as_json(look, look.messages))
    for one in look.messages:
        made += len(safe.inline(one.reading.text, 80)) + len(safe.verbatim(one.reading.content[:2_000]))
    return made


def _batches(contents: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(itertools.islice(contents, PER_QUEUE)):
        yield batch


def _values(query: Query, text: str) -> dict[str, Value]:
    """Return a value for every parameter of *query*: *text* wherever a text may stand."""
    plain: dict[str, Value] = {
        "datetime": START, "timespan": timedelta(hours=1), "int": 1, "list": [text], "string": text,
    }  # fmt: skip
    times: dict[str, Value] = {"start": START}
    return {
        name: times.get(name, END) if kind == "datetime" else plain[kind]
        for name, kind in query.parameters.items()
    }
