"""Keeps the open runs: creates them and their connected agents' runs, expires, cancels and resumes them."""

import asyncio
import heapq
import logging
import sqlite3

from emulator.clock import Clock
from emulator.foundry import documents as doc
from emulator.foundry.calls import DEPTH_ERROR, Planner, agent_is_gone
from emulator.foundry.closing import Ending
from emulator.foundry.documents import FUNCTION, TERMINAL, Json, payload
from emulator.foundry.events import Segment
from emulator.foundry.execution import Execution, Shared
from emulator.foundry.replies import ReplyDesk, Verdict
from emulator.foundry.requests import RunRequest
from emulator.foundry.store import Record, Store
from emulator.foundry.tools import Queues, error_output, read_arguments
from emulator.ids import Ids
from emulator.model import Model
from emulator.wire import WireError

log = logging.getLogger(__name__)
FRESH = {"prompt": 0, "completion": 0, "rounds": 0}


class RunEngine:
    def __init__(self, store: Store, clock: Clock, ids: Ids, model: Model, queues: Queues) -> None:
        self._store, self._clock, self._ids = store, clock, ids
        self._desk = ReplyDesk(queues, store, clock, ids, self._deliver_reply)
        planner = Planner(store, ids, self._desk)
        self._shared = Shared(
            store, clock, ids, model, self._desk, planner, self._start_child, self._note_ended
        )
        self._open: dict[str, Execution] = {}
        self._by_thread: dict[str, Execution] = {}
        self._due: list[tuple[int, int, str]] = []
        self._counted = 0
        self._due_news = asyncio.Event()
        self._expiry: asyncio.Task[None] | None = None

    # Life -------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Go on with every run that is stored as open."""
        self._expiry = asyncio.get_running_loop().create_task(self._expire())
        found = [run for run in self._store.runs() if run.document["status"] not in TERMINAL]
        for run in found:
            link = run.inner.get("parent", {})
            self._register(run, self._open.get(link.get("run_id", "")), link.get("call_id", ""))
        self._desk.start()
        for run in found:
            execution = self._open.get(run.id)
            if execution is None:  # ended along with its parent
                continue
            if run.document["expires_at"] <= self._clock.now_s():
                execution.conclude(Ending("expired"))
            elif run.document["status"] == "cancelling" or ("parent" in run.inner and not execution.parent):
                execution.conclude(Ending("cancelled"))
            else:
                execution.start()
        if found:
            log.info("runs.resumed", extra={"count": len(found)})

    def stop(self) -> None:
        """Stop working; what is stored is enough to go on."""
        self._desk.stop()
        for execution in self._open.values():
            execution.halt()
        self._open.clear()
        self._by_thread.clear()
        self._due.clear()
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None

    def reset(self) -> None:
        """Forget all runs. The caller empties the store."""
        self.stop()
        self._expiry = asyncio.get_running_loop().create_task(self._expire())

    # What clients ask for ---------------------------------------------------------------------------

    def active_run(self, thread_id: str) -> str | None:
        execution = self._by_thread.get(thread_id)
        return execution.run_id if execution else None

    def create(
        self, thread_id: str, agent: Json, request: RunRequest, new: tuple[Record, ...] = ()
    ) -> tuple[Json, Segment | None]:
        """Return the queued run, and its stream when one was asked for.

        *new*: the thread and its messages, when they come with the run. Raises WireError 400 when the thread has
        an active run.
        """
        if running := self.active_run(thread_id):
            raise WireError(
                400, "invalid_request_error", f"Thread {thread_id} already has an active run {running}."
            )
        now_s = self._shared.now_s()
        document = doc.new_run(self._ids.new("run"), thread_id, agent, now_s, request.fields)
        if request.additional_instructions:
            parts = (document["instructions"], request.additional_instructions)
            document["instructions"] = "\n".join(part for part in parts if part)
        messages = [
            Record("message", thread_id, doc.new_message(self._ids.new("msg"), thread_id, now_s, fields))
            for fields in request.messages
        ]
        run = Record("run", thread_id, document, FRESH)
        self._store.save(*new, *messages, run)
        execution = self._register(run)
        segment = execution.channel.listen() if request.stream else None
        for record in new:
            if record.kind == "thread":
                execution.channel.publish("thread.created", record.document)
        for event in ("thread.run.created", "thread.run.queued"):
            execution.channel.publish(event, document)
        execution.start()
        return document, segment

    def submit(self, run: Record, outputs: dict[str, str], stream: bool) -> tuple[Json, Segment | None]:
        """Return the run once it has the *outputs* of its function calls, and a new stream when asked for.

        Raises WireError 400: the run waits for none, or not for exactly these.
        """
        status = run.document["status"]
        if status != "requires_action":
            raise WireError(
                400, "invalid_request_error", f'Runs in status "{status}" do not accept tool outputs.'
            )
        execution = self._open[run.id]
        expected = [call["id"] for call in execution.open_calls if call["type"] == FUNCTION]
        if sorted(outputs) != sorted(expected):
            raise WireError(
                400,
                "invalid_request_error",
                f"Expected tool outputs for call_ids {expected}, got {list(outputs)}.",
                param="tool_outputs",
            )
        segment = execution.channel.listen() if stream else None
        return execution.deliver(outputs, "queued"), segment

    def cancel(self, run: Record) -> Json:
        """Return the run, cancelling. Raises WireError 400 when it has ended."""
        status = run.document["status"]
        if status == "cancelling":
            return run.document
        if status in TERMINAL:
            raise WireError(400, "invalid_request_error", f"Cannot cancel run with status '{status}'.")
        return self._open[run.id].cancel()

    def delete_thread(self, thread: Record) -> None:
        """Delete the thread, and the threads of the connected agents that its runs have called."""
        if execution := self._by_thread.get(thread.id):
            execution.conclude(Ending("cancelled"))
            if thread.id in self._by_thread:
                raise WireError(
                    507, "InsufficientStorage", "Local Azure cannot save the end of the thread's active run."
                )
        for child in self._child_threads(thread):
            self.delete_thread(child)
        self._store.remove(thread)

    def _child_threads(self, thread: Record) -> list[Record]:
        found = [
            self._store.find("thread", payload(call).get("thread_id", ""))
            for run in self._store.shelf("run", thread.id)
            for step in self._store.shelf("step", run.id)
            if step.document["type"] == "tool_calls"
            for call in step.document["step_details"]["tool_calls"]
        ]
        return [child for child in found if child is not None]

    # Connected agents -------------------------------------------------------------------------------

    def _start_child(self, parent: Execution, call: Json) -> None:
        """Run the connected agent that *call* asks, or go on with its run."""
        called = payload(call)
        run = self._store.find("run", called["run_id"], called["thread_id"])
        if run is not None:
            if run.document["status"] in TERMINAL:
                self._report_child(parent, call["id"], run)
            return
        agent = self._store.find("agent", called["assistant_id"])
        if agent is None:
            gone = agent_is_gone(called["name"], called["assistant_id"])
            parent.deliver({call["id"]: error_output(gone)})
            return
        now_s = self._shared.now_s()
        thread = doc.new_thread(called["thread_id"], now_s, {})
        question = {"content": doc.text_content(_question(called["arguments"]))}
        message = doc.new_message(self._ids.new("msg"), thread["id"], now_s, question)
        document = doc.new_run(called["run_id"], thread["id"], agent.document, now_s, {})
        link = {
            "thread_id": parent.thread_id,
            "run_id": parent.run_id,
            "call_id": call["id"],
        }
        child = Record("run", thread["id"], document, {**FRESH, "parent": link})
        self._store.save(Record("thread", "", thread), Record("message", thread["id"], message), child)
        self._register(child, parent, call["id"]).start()

    def _note_ended(self, execution: Execution, ending: Ending) -> None:
        self._open.pop(execution.run_id, None)
        self._by_thread.pop(execution.thread_id, None)
        fate = Ending("expired" if ending.status == "expired" else "cancelled")
        for child in [child for child in self._open.values() if child.parent is execution]:
            child.conclude(fate)
        parent = execution.parent
        if parent is None or not parent.accepting:
            return
        try:
            self._report_child(parent, execution.call_id, execution.run)
        except sqlite3.OperationalError as exc:
            parent.conclude(Ending("failed", "server_error", f"Local Azure cannot save its state: {exc}."))

    def _report_child(self, parent: Execution, call_id: str, run: Record) -> None:
        """Give the connected agent's answer to *parent*, or tell it why there is none."""
        call = next((call for call in parent.open_calls if call["id"] == call_id), None)
        if call is None:
            return
        error = run.document["last_error"] or {}
        if error.get("code") == DEPTH_ERROR:  # no other question to the same agent can do better
            parent.conclude(Ending("failed", DEPTH_ERROR, error["message"]))
            return
        text = "\n".join(
            doc.text_of(message.document)
            for message in self._store.shelf("message", run.parent)
            if message.document["run_id"] == run.id
        )
        if run.document["status"] not in ("completed", "incomplete") or not text:
            text = error_output(f"The connected agent '{payload(call)['name']}' {_fate(run.document)}")
        parent.deliver({call_id: text})

    # Replies of functions, expiry -------------------------------------------------------------------

    def _deliver_reply(self, call: Json, output: str) -> Verdict:
        execution = self._open.get(call["run_id"])
        if execution is not None and execution.accepting:
            if any(open_call["id"] == call["call_id"] for open_call in execution.open_calls):
                execution.deliver({call["call_id"]: output})
                return "delivered"
            return "duplicate"
        step = self._store.find("step", call["step_id"], call["run_id"])
        calls = step.document["step_details"]["tool_calls"] if step else []
        answered = {told["id"] for told in calls if payload(told)["output"] is not None}
        return "duplicate" if call["call_id"] in answered else "late"

    def _register(self, run: Record, parent: Execution | None = None, call_id: str = "") -> Execution:
        execution = Execution(self._shared, run, parent, call_id)
        self._open[run.id] = self._by_thread[run.parent] = execution
        self._counted += 1
        if len(self._due) > 2 * len(self._open) + 1000:  # most of them have ended long before
            self._due = [due for due in self._due if due[2] in self._open]
            heapq.heapify(self._due)
        # Of two that are due together the parent comes first, and takes its child along.
        heapq.heappush(self._due, (run.document["expires_at"], self._counted, run.id))
        self._due_news.set()
        return execution

    async def _expire(self) -> None:
        while True:
            self._due_news.clear()
            while self._due:
                await self._clock.sleep_until(self._due[0][0])
                if not self._due or self._due[0][0] > self._clock.now_s():
                    continue
                _, _, run_id = heapq.heappop(self._due)
                try:
                    if execution := self._open.get(run_id):
                        execution.conclude(Ending("expired"))
                except Exception:  # the other runs must expire all the same
                    log.exception("run.broken", extra={"run_id": run_id})
            await self._due_news.wait()


def _question(arguments: str) -> str:
    """Return what the connected agent is asked: the query, or all arguments when there is no such text."""
    found = (read_arguments(arguments) or {}).get("query")
    return found if isinstance(found, str) and found.strip() else arguments


def _fate(run: Json) -> str:
    if run["status"] == "failed":
        return f"failed: {run['last_error']['message']}"
    if run["status"] == "expired":
        return "did not answer before its run expired."
    return {"cancelled": "was cancelled.", "incomplete": "was cut off before it wrote anything."}.get(
        run["status"], "answered nothing."
    )
