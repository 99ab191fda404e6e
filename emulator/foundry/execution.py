"""Carries one run from queued to its end: model turns, tool calls, what is stored and what is told.

What a run needs to go on is stored at every change, so a run that is taken up after a restart enters the same loop.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.clock import Clock
from emulator.foundry import documents as doc
from emulator.foundry.calls import Planner, RunFailedError, check_depth, open_calls, with_outputs
from emulator.foundry.closing import Change, Ending, close_run, close_work, open_step, spend
from emulator.foundry.documents import AZURE_FUNCTION, CONNECTED, FUNCTION, Json
from emulator.foundry.events import Channel
from emulator.foundry.prompting import build_request
from emulator.foundry.replies import ReplyDesk
from emulator.foundry.store import Record, Store
from emulator.foundry.tools import ToolFailedError, read_arguments
from emulator.ids import Ids
from emulator.model import CallWanted, Model, ModelError, TextPiece, TurnEnded

log = logging.getLogger(__name__)
MAX_ROUNDS = 10  # of tool calls in one run
REPEAT_S = 1.0  # between two attempts while the state cannot be saved
PIECES_A_BREATH = 16  # then other tasks get their turn: a model without pace never waits by itself


@dataclass(slots=True)
class Shared:
    """What all runs work with. *start_child* and *ended* belong to the engine that keeps the runs."""

    store: Store
    clock: Clock
    ids: Ids
    model: Model
    desk: ReplyDesk
    planner: Planner
    start_child: "Callable[[Execution, Json], None]"
    ended: "Callable[[Execution, Ending], None]"

    def now_s(self) -> int:
        return int(self.clock.now_s())


class Execution:
    """One open run. *parent* is the run whose connected agent this is; *call_id* the call that waits for it."""

    def __init__(
        self, shared: Shared, run: Record, parent: "Execution | None" = None, call_id: str = ""
    ) -> None:
        self._shared = shared
        self.thread_id, self.run_id = run.parent, run.id
        self.parent, self.call_id = parent, call_id
        self.depth: int = parent.depth + 1 if parent else 0
        self.channel = Channel()
        self.accepting = True  # outputs of tools; not once the run is being ended
        self._over = False
        self._task: asyncio.Task[None] | None = None
        self._calls_done = asyncio.Event()
        self._text: list[str] = []

    @property
    def run(self) -> Record:
        found = self._shared.store.find("run", self.run_id, self.thread_id)
        assert found is not None, "a thread is deleted only after its run has ended"
        return found

    @property
    def open_calls(self) -> list[Json]:
        """Return the calls whose outputs the run waits for."""
        step = open_step(self._shared.store, self.run_id, "tool_calls")
        return open_calls(step.document) if step else []

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._drive())

    def halt(self) -> None:
        """Stop working on the run and leave it as it is stored."""
        self.accepting, self._over = False, True
        self._stop_task()
        self.channel.cut()

    # The loop ---------------------------------------------------------------------------------------

    async def _drive(self) -> None:
        try:
            while self.accepting:
                self._set_running()
                if step := open_step(self._shared.store, self.run_id, "tool_calls"):
                    self._dispatch(step)
                    await self._calls_done.wait()
                else:
                    await self._take_turn()
        except (RunFailedError, ModelError) as exc:
            self.conclude(Ending("failed", exc.code, exc.message))
        except ToolFailedError as exc:
            self.conclude(Ending("failed", "tool_user_error", str(exc)))
        except sqlite3.OperationalError as exc:
            self.conclude(Ending("failed", "server_error", _unsaved(exc)))
        except Exception:
            log.exception("run.broken", extra={"run_id": self.run_id})
            message = "Local Azure has a defect; its log holds the details."
            self.conclude(Ending("failed", "server_error", message))

    def _set_running(self) -> None:
        run = self.run
        if run.document["status"] == "queued":
            started_at = run.document["started_at"] or self._shared.now_s()
            self._save([self._change_run(run, status="in_progress", started_at=started_at)])

    async def _take_turn(self) -> None:
        events = self._shared.model.turn(build_request(self._shared.store, self.run))
        calls: list[CallWanted] = []
        used: TurnEnded | None = None
        pieces = 0
        try:
            async for event in events:
                if isinstance(event, TextPiece):
                    self._write(event.text)
                    if pieces % PIECES_A_BREATH == 0:
                        await asyncio.sleep(0)
                    pieces += 1
                elif isinstance(event, CallWanted):
                    calls.append(event)
                else:
                    used = event
        finally:
            if (close := getattr(events, "aclose", None)) is not None:
                await close()
        if used is None:
            raise ModelError("server_error", "The model's answer broke off before its end.")
        self._finish_turn(self.run, calls, used)

    def _finish_turn(self, run: Record, calls: list[CallWanted], used: TurnEnded) -> None:
        if used.reason == "length":
            self.conclude(Ending("incomplete", reason="max_completion_tokens", used=used))
        elif used.reason == "content_filter":
            self.conclude(Ending("incomplete", reason="content_filter", used=used))
        elif not calls:
            self._write("")
            self.conclude(Ending("completed", used=used))
        elif (most := run.document["max_prompt_tokens"]) and run.inner["prompt"] + used.prompt_tokens >= most:
            self.conclude(Ending("incomplete", reason="max_prompt_tokens", used=used))
        elif run.inner["rounds"] >= MAX_ROUNDS:
            raise RunFailedError(
                "server_error",
                f"The run made {MAX_ROUNDS} rounds of tool calls and still wants more. "
                "Check that the tools' outputs answer what the instructions ask for.",
            )
        else:
            self._begin_calls(run, calls if run.document["parallel_tool_calls"] else calls[:1], used)

    # Text -------------------------------------------------------------------------------------------

    def _write(self, text: str) -> None:
        step = open_step(self._shared.store, self.run_id, "message_creation") or self._begin_message()
        if text:
            self._text.append(text)
            if self.channel.heard:
                message_id = step.document["step_details"]["message_creation"]["message_id"]
                self.channel.publish("thread.message.delta", doc.message_delta(message_id, text))

    def _begin_message(self) -> Record:
        shared, run = self._shared, self.run.document
        message_id, now_s = shared.ids.new("msg"), shared.now_s()
        message = Record("message", self.thread_id, doc.new_reply(message_id, run, now_s))
        details = doc.message_details(message_id)
        step = Record("step", self.run_id, doc.new_step(shared.ids.new("step"), run, now_s, details))
        shared.store.save(message, step)
        for record, kind in ((step, "thread.run.step"), (message, "thread.message")):
            for event in ("created", "in_progress"):
                self.channel.publish(f"{kind}.{event}", record.document)
        return step

    # Calls ------------------------------------------------------------------------------------------

    def _begin_calls(self, run: Record, wanted: list[CallWanted], used: TurnEnded) -> None:
        """Store what the model wants called; nothing is called yet."""
        shared, now_s = self._shared, self._shared.now_s()
        told = self._close_work(Ending("completed", used=used))
        plan = shared.planner.plan(run, wanted, TurnEnded(0, 0) if told else used, now_s)
        spent = {**spend(run, used), "rounds": run.inner["rounds"] + 1}
        self._save(told, Record("run", run.parent, run.document, spent), plan.step, *plan.sent)
        self._text.clear()
        if self.channel.heard:
            empty = {**plan.step.document, "step_details": doc.call_details([])}
            self.channel.publish("thread.run.step.created", empty)
            self.channel.publish("thread.run.step.in_progress", empty)
            for index, call in enumerate(plan.step.document["step_details"]["tool_calls"]):
                for delta in doc.call_deltas(plan.step.id, index, call):
                    self.channel.publish("thread.run.step.delta", delta)

    def _dispatch(self, step: Record) -> None:
        """Make the calls of *step* that are still open; deliver() takes their outputs."""
        self._calls_done.clear()
        if step.inner["refused"]:
            raise ToolFailedError(step.inner["refused"])
        calls = open_calls(step.document)
        check_depth(calls, self.depth)
        if not calls:
            self.deliver({})
            return
        waiting = [call for call in calls if call["type"] != CONNECTED]
        if waiting and not step.inner["sent"]:
            self._send(step, waiting)
        for call in calls:
            if call["type"] == CONNECTED and self.accepting:
                self._shared.start_child(self, call)

    def _send(self, step: Record, waiting: list[Json]) -> None:
        for call in waiting:
            if call["type"] == AZURE_FUNCTION:
                arguments = read_arguments(doc.payload(call)["arguments"]) or {}
                self._shared.desk.send(step.inner["correlations"][call["id"]], arguments)
        action = doc.required_action(waiting)
        changed = self._change_run(self.run, status="requires_action", required_action=action)
        self._save([changed], Record("step", self.run_id, step.document, {**step.inner, "sent": True}))
        if any(call["type"] == FUNCTION for call in waiting):
            self.channel.finish()

    def deliver(self, outputs: Mapping[str, str], next_status: str = "in_progress") -> Json:
        """Add *outputs*, by call id, to the calls that are open; return the run.

        *next_status* is the run's once it waits for nothing.
        """
        step, run = open_step(self._shared.store, self.run_id, "tool_calls"), self.run
        assert step is not None, "outputs come while calls are open"
        document = with_outputs(step.document, outputs)
        calls = open_calls(document)
        fields: Json = {"status": "in_progress" if calls else next_status, "required_action": None}
        if waiting := [call for call in calls if call["type"] != CONNECTED]:
            fields = {"status": "requires_action", "required_action": doc.required_action(waiting)}
        if not calls:
            used = doc.usage(step.inner["prompt"], step.inner["completion"])
            document |= {"status": "completed", "completed_at": self._shared.now_s(), "usage": used}
        changed = self._change_run(run, **fields)
        self._shared.store.save(changed.record, Record("step", self.run_id, document, step.inner))
        self._tell_outputs(document, outputs)
        if fields["status"] != run.document["status"]:
            self.channel.publish(changed.event, changed.record.document)
        if not calls:
            self._calls_done.set()
        return changed.record.document

    def _tell_outputs(self, step: Json, outputs: Mapping[str, str]) -> None:
        if not self.channel.heard:
            return
        for index, call in enumerate(step["step_details"]["tool_calls"]):
            if call["id"] in outputs and call["type"] != FUNCTION:  # who sent those knows them
                self.channel.publish("thread.run.step.delta", doc.output_delta(step["id"], index, call))
        if step["status"] == "completed":
            self.channel.publish("thread.run.step.completed", step)

    # The end ----------------------------------------------------------------------------------------

    def cancel(self) -> Json:
        """Return the run, cancelling; it is cancelled a moment later."""
        changed = self._change_run(self.run, status="cancelling")
        self._save([changed])
        self.accepting = False
        self._stop_task()
        asyncio.get_running_loop().call_soon(self.conclude, Ending("cancelled"))
        return changed.record.document

    def conclude(self, ending: Ending) -> None:
        """End the run; when that cannot be saved, tell who listens and try again until it can."""
        if self._over:
            return
        self.accepting = False
        try:
            self._end(ending)
        except sqlite3.OperationalError as exc:
            log.error("run.unsaved", extra={"run_id": self.run_id, "reason": str(exc)})
            self.channel.publish("error", {"message": _unsaved(exc), "code": "server_error"})
            self.channel.finish()
            self._stop_task()
            self._task = asyncio.get_running_loop().create_task(self._conclude_later(ending))

    async def _conclude_later(self, ending: Ending) -> None:
        await self._shared.clock.sleep(REPEAT_S)
        self.conclude(ending)

    def _end(self, ending: Ending) -> None:
        changes = [*self._close_work(ending), close_run(self.run, ending, self._shared.now_s())]
        self._shared.store.save(*[change.record for change in changes])
        self._over = True
        self._tell(changes)
        self.channel.finish()
        self._stop_task()
        log.info("run.ended", extra={"run_id": self.run_id, "status": ending.status, "code": ending.code})
        self._shared.ended(self, ending)

    # Helpers ----------------------------------------------------------------------------------------

    def _close_work(self, ending: Ending) -> list[Change]:
        shared = self._shared
        return close_work(shared.store, self.run, ending, "".join(self._text), shared.now_s())

    def _change_run(self, run: Record, **fields: object) -> Change:
        document = {**run.document, **fields}
        return Change(Record("run", run.parent, document, run.inner), f"thread.run.{document['status']}")

    def _save(self, changes: list[Change], *silent: Record) -> None:
        """Store everything at once, then tell of *changes*."""
        self._shared.store.save(*[change.record for change in changes], *silent)
        self._tell(changes)

    def _tell(self, changes: list[Change]) -> None:
        for change in changes:
            self.channel.publish(change.event, change.record.document)

    def _stop_task(self) -> None:
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()


def _unsaved(error: sqlite3.OperationalError) -> str:
    return f"Local Azure cannot save its state: {error}."
