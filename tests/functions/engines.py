"""Calls an app's functions through one of two engines: Microsoft's Python worker, or ours.

Run as a program, because Microsoft's engine keeps its registry in module state and needs a folder of its own on
sys.path: python -m tests.functions.engines (microsoft | ours) < {"app": folder, "calls": [...]}. Prints one JSON
document: {"error": text} when the app is refused, else {"results": [...]}, one entry a call.
"""

import asyncio
import json
import logging
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

Result = dict[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """One message for one function, with the metadata a host would send."""

    function: str
    text: str
    message_id: str = "00000000-0000-4000-8000-000000000001"
    dequeue_count: int = 1
    times: dict[str, str] = field(
        default_factory=lambda: {
            "InsertionTime": "2026-11-22T10:00:00+00:00",
            "ExpirationTime": "2026-11-29T10:00:00+00:00",
            "NextVisibleTime": "2026-11-22T10:10:00+00:00",
        }
    )


class Protos:
    """Stands for the generated protobuf module: every message is a bag of its fields, every enum a number."""

    BindingInfo: Any = type(
        "BindingInfo", (SimpleNamespace,), {"in": 0, "out": 1, "inout": 2, "undefined": 0, "binary": 2}
    )
    StatusResult: Any = type("StatusResult", (SimpleNamespace,), {"Failure": 0, "Success": 1})

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace


async def call_microsoft(app: Path, calls: list[Call]) -> Result:
    """Return what azure_functions_runtime makes of *calls*."""
    from azure_functions_runtime import handle_event, native_invocation
    from azure_functions_runtime.bindings.datumdef import Datum
    from azure_functions_runtime.utils.threadpool import start_threadpool_executor

    start_threadpool_executor()
    request = SimpleNamespace(
        request=SimpleNamespace(
            worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(app))
        ),
        properties={"host": "127.0.0.1", "protos": Protos()},
    )
    begun = await handle_event.worker_init_request(request)
    if begun.result.status != Protos.StatusResult.Success:
        return {"error": begun.result.exception.message}
    metadata = await handle_event.functions_metadata_request(request)
    ids = {found.name: found.function_id for found in metadata.function_metadata_results}
    parameters = {
        found.name: next(name for name, info in found.bindings.items() if info.type == "queueTrigger")
        for found in metadata.function_metadata_results
    }
    results = []
    for call in calls:
        details = {
            "Id": Datum(call.message_id, "string"),
            "DequeueCount": Datum(str(call.dequeue_count), "string"),
            "PopReceipt": Datum("receipt", "string"),
            **{name: Datum(json.dumps(value), "json") for name, value in call.times.items()},
        }
        inputs = [(parameters[call.function], Datum(call.text, "string"))]
        done, returned, outputs, error, _ = await native_invocation.invocation_request_native(
            "invocation", ids[call.function], inputs, details, "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        )
        if not done:
            results.append({"error": error})
            continue
        written = {name: _texts(datum) for name, datum in outputs}
        if returned is not None and returned.value is not None:
            written["$return"] = _texts(returned)
        results.append({"outputs": written})
    return {"results": results}


def _texts(datum: Any) -> list[str]:
    """Return the queue messages that the host makes of what the worker sends it."""
    if datum.type == "list":
        return [item if isinstance(item, str) else json.dumps(item) for item in datum.value]
    if datum.type in ("dict", "int", "double", "bool"):
        return [json.dumps(datum.value)]
    if datum.type == "json":
        items = json.loads(datum.value)
        return [
            item["body"] if isinstance(item, dict) else item
            for item in (items if isinstance(items, list) else [items])
        ]
    return [datum.value.decode() if isinstance(datum.value, bytes) else datum.value]


async def call_ours(app: Path, calls: list[Call]) -> Result:
    """Return what emulator.functions_host makes of *calls*."""
    from emulator.functions_host.app import load_functions
    from emulator.functions_host.errors import HostError
    from emulator.functions_host.invocation import Runner, Trigger
    from emulator.functions_host.settings import Settings

    try:
        functions = {found.name: found for found in load_functions(app, Settings({}))}
    except HostError as exc:
        return {"error": str(exc)}
    runner = Runner(Settings({}))
    results: list[Result] = []
    for call in calls:
        trigger = Trigger(
            message_id=call.message_id,
            text=call.text,
            dequeue_count=call.dequeue_count,
            inserted_on=_moment(call.times["InsertionTime"]),
            expires_on=_moment(call.times["ExpirationTime"]),
            next_visible_on=_moment(call.times["NextVisibleTime"]),
            pop_receipt="receipt",
        )
        future = runner.start(
            functions[call.function], trigger, "invocation", "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
        )
        try:
            emitted = await asyncio.wrap_future(future)
        except Exception as exc:  # noqa: BLE001 - that a function fails is a result
            results.append({"error": repr(exc)})
            continue
        written: dict[str, list[str]] = {}
        for one in emitted:
            written.setdefault(one.output.parameter, []).append(one.text)
        results.append({"outputs": written})
    runner.close()
    return {"results": results}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def main() -> None:
    logging.disable(logging.CRITICAL)
    request = json.load(sys.stdin)
    app = Path(request["app"])
    sys.path.insert(0, str(app))
    calls = [Call(**call) for call in request["calls"]]
    engine = call_microsoft if sys.argv[1] == "microsoft" else call_ours
    printed = sys.stdout
    sys.stdout = sys.stderr  # whatever else is printed is not the result
    json.dump(asyncio.run(engine(app, calls)), printed)
    printed.flush()


if __name__ == "__main__":
    main()
