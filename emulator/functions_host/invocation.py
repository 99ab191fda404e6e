"""One call of a function: what goes in, where it runs, what comes out. Mirrors the Python worker in Azure."""

import asyncio
import concurrent.futures
import contextvars
import json
import logging
import threading
from dataclasses import dataclass
from datetime import datetime

import azure.functions as func
from azure.functions._abc import RetryContext, RpcException, TraceContext
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessage, QueueMessageOutConverter

from emulator.functions_host.app import CONTEXT, OUTPUT, RETURN, Output, QueueFunction
from emulator.functions_host.insights import INVOCATION, Invocation
from emulator.functions_host.settings import Settings

log = logging.getLogger(__name__)
THREADS_SETTING = "PYTHON_THREADPOOL_THREAD_COUNT"
MAX_THREADS = 32
LOOP_STOP_TIMEOUT_S = 1.0
_local = threading.local()


@dataclass(frozen=True, slots=True)
class Trigger:
    """What a function may know of the message that called it. *text* is decoded."""

    message_id: str
    text: str
    dequeue_count: int
    inserted_on: datetime | None
    expires_on: datetime | None
    next_visible_on: datetime | None
    pop_receipt: str


@dataclass(frozen=True, slots=True)
class Emitted:
    """One message that a function wrote to one of its outputs."""

    output: Output
    text: str


class Out(func.Out[object]):
    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        self._value = val

    def get(self) -> object:
        return self._value


class Trace(TraceContext):
    def __init__(self, trace_parent: str) -> None:
        self._trace_parent = trace_parent

    @property
    def trace_state(self) -> str:
        return ""

    @property
    def trace_parent(self) -> str:
        return self._trace_parent

    @property
    def attributes(self) -> dict[str, str]:
        return {}


class NoRetry(RetryContext):
    """The host retries by delivering the message again, which the message's own dequeue count tells."""

    @property
    def retry_count(self) -> int:
        return 0

    @property
    def max_retry_count(self) -> int:
        return 0

    @property
    def exception(self) -> RpcException:
        raise LookupError("this delivery follows no retry policy")


class Context(func.Context):
    def __init__(self, function: QueueFunction, invocation_id: str, trace_parent: str) -> None:
        self._function, self._invocation_id = function, invocation_id
        self._trace = Trace(trace_parent)

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def thread_local_storage(self) -> threading.local:  # type: ignore[override]  # declared as the class, used as an object
        return _local

    @property
    def function_name(self) -> str:
        return self._function.name

    @property
    def function_directory(self) -> str:
        return str(self._function.folder)

    @property
    def trace_context(self) -> TraceContext:
        return self._trace

    @property
    def retry_context(self) -> RetryContext:
        return NoRetry()


class Runner:
    """Runs synchronous functions on a pool of threads and asynchronous ones on a loop of their own.

    The host's own loop does neither, so a function that blocks delays no poll and no lease.
    """

    def __init__(self, settings: Settings) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(_threads(settings), "function")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def start(
        self, function: QueueFunction, trigger: Trigger, invocation_id: str, trace_parent: str
    ) -> concurrent.futures.Future[list[Emitted]]:
        """Return the future output of one call. It fails with whatever the function raises."""
        context = Context(function, invocation_id, trace_parent)
        if function.is_async:
            return asyncio.run_coroutine_threadsafe(
                _call_async(function, trigger, context), self._async_loop()
            )
        return self._pool.submit(contextvars.Context().run, _call, function, trigger, context)

    def close(self) -> None:
        """Start nothing more. A function that still runs is left to itself."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(LOOP_STOP_TIMEOUT_S)
            if not self._thread.is_alive():
                self._loop.close()

    def _async_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="async-functions", daemon=True
            )
            self._thread.start()
        return self._loop


def _call(function: QueueFunction, trigger: Trigger, context: Context) -> list[Emitted]:
    _local.invocation_id = context.invocation_id
    INVOCATION.set(Invocation(function.name, context.invocation_id, by_user=True))
    try:
        arguments = _arguments(function, trigger, context)
        result = function.run(**arguments)
        return _emitted(function, arguments, result)
    finally:
        _local.invocation_id = None


async def _call_async(function: QueueFunction, trigger: Trigger, context: Context) -> list[Emitted]:
    INVOCATION.set(Invocation(function.name, context.invocation_id, by_user=True))
    arguments = _arguments(function, trigger, context)
    result = await function.run(**arguments)  # type: ignore[misc]  # is_async says that it is a coroutine function
    return _emitted(function, arguments, result)


def _arguments(function: QueueFunction, trigger: Trigger, context: Context) -> dict[str, object]:
    arguments: dict[str, object] = {function.parameter: _payload(function, trigger)}
    if function.wants_context:
        arguments[CONTEXT] = context
    for output in function.outputs:
        if output.parameter != RETURN:
            arguments[output.parameter] = Out()
    return arguments


def _payload(function: QueueFunction, trigger: Trigger) -> object:
    if function.payload == "text":
        return trigger.text
    if function.payload == "bytes":
        return trigger.text.encode()
    return QueueMessage(  # type: ignore[no-untyped-call]  # the one that has a dequeue count is not annotated
        id=trigger.message_id,
        body=trigger.text,
        dequeue_count=trigger.dequeue_count,
        expiration_time=trigger.expires_on,
        insertion_time=trigger.inserted_on,
        time_next_visible=trigger.next_visible_on,
        pop_receipt=trigger.pop_receipt,
    )


def _emitted(function: QueueFunction, arguments: dict[str, object], result: object) -> list[Emitted]:
    by_return = any(output.parameter == RETURN for output in function.outputs)
    if result is not None and not by_return:
        raise RuntimeError(f"the function {function.name} returned a value, but has no $return binding")
    emitted: list[Emitted] = []
    for output in function.outputs:
        if output.parameter == RETURN:
            emitted += [Emitted(output, text) for text in _texts(result)]
            continue
        out = arguments[output.parameter]
        assert isinstance(out, Out)
        if (value := out.get()) is not None:
            texts = _plain_texts(value) if output.plain else _texts(value)
            emitted += [Emitted(output, text) for text in texts]
    return emitted


def _texts(value: object) -> list[str]:
    """Return the messages that *value* stands for: one, or one per item of an iterable. Raises TypeError."""
    try:
        datum: Datum = QueueMessageOutConverter.encode(value, expected_type=None)
    except NotImplementedError as exc:
        raise TypeError(
            "unable to encode outgoing TypedData: unsupported type "
            f'"{OUTPUT}" for Python type "{type(value).__name__}"'
        ) from exc
    if datum.type == "string":
        return [str(datum.value)]
    if datum.type == "bytes":
        return [datum.value.decode()]
    decoded = json.loads(datum.value)
    items = decoded if isinstance(decoded, list) else [decoded]
    return [item["body"] if isinstance(item, dict) else str(item) for item in items]


def _plain_texts(value: object) -> list[str]:
    """Return the messages of an output declared as text: the worker lets JSON values pass there as well."""
    if isinstance(value, bytes | bytearray):
        return [value.decode()]
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item) for item in value]
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict | int | float):
        return [json.dumps(value)]
    raise TypeError(
        "unable to encode outgoing TypedData: unsupported type "
        f'"generic" for Python type "{type(value).__name__}"'
    )


def _threads(settings: Settings) -> int | None:
    """Return the size of the pool; None leaves it to Python, as the worker does."""
    wanted = settings.get(THREADS_SETTING)
    if wanted is None:
        return None
    if wanted.isdecimal() and 1 <= int(wanted) <= MAX_THREADS:
        return int(wanted)
    log.warning("threads.setting_ignored", extra={"setting": THREADS_SETTING, "value": wanted})
    return None
