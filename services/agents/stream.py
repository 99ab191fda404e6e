"""The events of a streamed run, read from the wire.

The SDK's own parser is not used: it fails on comments and on CRLF, keeps nothing of connected agents' and queue
functions' calls, and hides what a handler raises.
"""

import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import replace

from services.agents import shapes
from services.agents.backend import (
    TERMINAL,
    BackendEvent,
    Call,
    MessageEnded,
    Run,
    RunChanged,
    RunStep,
    StepChanged,
    TextAdded,
)
from services.errors import Unavailable, UnexpectedReply
from services.redaction import redact
from services.resilience.watchdog import Line
from services.telemetry.context import without_trace
from services.translation import azure_call

log = logging.getLogger(__name__)
OPERATION = "follow the run"
LAST_BYTES_S = 1.0  # after the final event only the end of the body is due
MAX_EVENT_BYTES = 8 * 1024 * 1024


class Frames:
    """Cuts bytes into server-sent events. https://html.spec.whatwg.org/multipage/server-sent-events.html"""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._looked_at = 0  # so that a long event is not searched again with every chunk
        self._held = b""

    def feed(self, chunk: bytes) -> Iterator[tuple[str, str]]:
        """Yield (event name, data) for each event that *chunk* completes."""
        chunk, self._held = self._held + chunk, b""
        if chunk.endswith(b"\r"):  # perhaps the first half of a line's end
            chunk, self._held = chunk[:-1], b"\r"
        self._buffer += chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        while (end := self._buffer.find(b"\n\n", max(0, self._looked_at - 1))) >= 0:
            block = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            self._looked_at = 0
            yield from self._event(block)
        self._looked_at = len(self._buffer)
        if self._looked_at > MAX_EVENT_BYTES:
            raise UnexpectedReply("An event of the stream has no end.", operation=OPERATION)

    def end(self) -> Iterator[tuple[str, str]]:
        """Yield the event that the end of the body completes."""
        block = bytes(self._buffer)
        self._buffer.clear()
        yield from self._event(block)

    def _event(self, block: bytes) -> Iterator[tuple[str, str]]:
        name, data = "", []
        for line in block.decode("utf-8", "replace").split("\n"):
            label, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if label == "event":
                name = value
            elif label == "data":
                data.append(value)
        if name and data:
            yield name, "\n".join(data)


class Reader:
    """Turns events into ours and remembers the steps, which arrive in pieces."""

    def __init__(self) -> None:
        self._steps: dict[str, RunStep] = {}
        self._run: Run | None = None

    @property
    def ended(self) -> bool:
        return self._run is not None and self._run.state in TERMINAL

    def read(self, name: str, data: str) -> BackendEvent | None:
        """Return our event; None for one that says nothing to us. Raises Unavailable for `error` and UnexpectedReply."""
        if name == "error":
            raise _stream_error(data)
        family, _, change = name.rpartition(".")
        if family not in ("thread.run", "thread.run.step", "thread.message"):
            if name not in ("done", "thread.created"):
                log.debug("stream.event_ignored", extra={"event": name})
            return None
        source = shapes.document(json.loads(data), name)
        if family == "thread.run":
            self._run = shapes.run(source)
            return RunChanged(self._run)
        if family == "thread.run.step":
            return self._step(source, change)
        if change == "delta":
            return TextAdded(shapes.text(source, "id"), shapes.delta_text(source))
        if change in ("completed", "incomplete"):
            return MessageEnded(shapes.message(source))
        return None

    def _step(self, source: shapes.Json, change: str) -> StepChanged:
        if change != "delta":
            step = shapes.step(source)
            known = self._steps.get(step.id)
            if known is not None and not step.calls:  # an early event may come with its calls left out
                step = replace(step, calls=known.calls)
        else:
            step = self._grown(source)
        self._steps[step.id] = step
        return StepChanged(step)

    def _grown(self, source: shapes.Json) -> RunStep:
        """Return the step with a `thread.run.step.delta` added to it."""
        step_id = shapes.text(source, "id")
        run_id = self._run.id if self._run else ""
        step = self._steps.get(step_id) or RunStep(step_id, run_id, "in_progress", "calls")
        delta = shapes.document(source.get("delta") or {}, "delta")
        details = shapes.document(delta.get("step_details") or {}, "step_details")
        if details.get("type") == "message_creation":
            written = shapes.document(details.get("message_creation") or {}, "message_creation")
            return replace(step, kind="message", message_id=shapes.optional_text(written, "message_id"))
        calls = list(step.calls)
        for one in shapes.items(details, "tool_calls"):
            piece = shapes.document(one, "tool_calls")
            index = piece.get("index")
            _merge(calls, index if isinstance(index, int) and 0 <= index <= len(calls) else len(calls), piece)
        return replace(step, calls=tuple(calls))


class ClassicRunStream:
    """A run's events, from the thread that iterates; close() may come from any other.

    Read it to its end, also after the run's last event: then its connection serves the next call.
    """

    def __init__(self, chunks: Iterator[bytes], release: Callable[[], None], line: Line | None) -> None:
        self._chunks, self._release, self._line = chunks, release, line
        self._closed = self._finished = False

    def __iter__(self) -> Iterator[BackendEvent]:
        frames, reader = Frames(), Reader()
        try:
            for name, data in self._frames(frames):
                event = self._read(reader, name, data)
                if event is not None:
                    yield event
                if name == "done" and self._line is not None:
                    self._line.limit_silence(LAST_BYTES_S)
        except Unavailable:
            if not (self._closed or reader.ended):
                raise
        finally:
            self._finished = True
            self._release()

    def close(self) -> None:
        self._closed = True
        if not self._finished:
            if self._line is not None:
                self._line.cut()
            else:
                self._release()

    def _frames(self, frames: Frames) -> Iterator[tuple[str, str]]:
        while True:
            with azure_call(OPERATION):
                chunk = b"" if self._closed else next(self._chunks, b"")
            if not chunk:
                break
            yield from frames.feed(chunk)
        yield from frames.end()

    def _read(self, reader: Reader, name: str, data: str) -> BackendEvent | None:
        try:
            return reader.read(name, data)
        except (UnexpectedReply, ValueError) as exc:
            raise Unavailable(
                f"Could not {OPERATION}: the stream sent a {redact(name, 60)} that cannot be read.",
                operation=OPERATION,
            ) from exc


class KnownRunStream:
    """Stands in for the stream of a run that exists but whose stream was lost: says what is known, then ends."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def __iter__(self) -> Iterator[BackendEvent]:
        yield RunChanged(self._run)

    def close(self) -> None: ...


def _merge(calls: list[Call], index: int, piece: shapes.Json) -> None:
    """Add *piece* to the call at *index*: names and arguments arrive in parts, an output at once."""
    new = shapes.call(piece)
    if index == len(calls):
        calls.append(new)
        return
    old = calls[index]
    told = "" if new.name == piece.get("type") else new.name
    calls[index] = replace(
        old,
        id=old.id or new.id,
        kind=new.kind if old.kind == "other" else old.kind,
        name=old.name if not told or old.name == told else told,
        arguments=without_trace(old.arguments + new.arguments),
        output=new.output if new.output is not None else old.output,
        child_thread_id=new.child_thread_id or old.child_thread_id,
        child_run_id=new.child_run_id or old.child_run_id,
    )


def _stream_error(data: str) -> Unavailable:
    code, said = "", data
    try:
        found = json.loads(data)
        found = found.get("error", found) if isinstance(found, dict) else {}
        if isinstance(found, dict):
            code, said = shapes.optional_text(found, "code"), shapes.optional_text(found, "message") or data
    except ValueError:
        log.debug("stream.error_not_json")
    message = f"Could not {OPERATION}: the stream reported an error. It said: {redact(said)}"
    return Unavailable(message, operation=OPERATION, code=code)
