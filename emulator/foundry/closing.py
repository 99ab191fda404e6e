"""How a run, its open step and its open message look once the run has ended."""

from dataclasses import dataclass
from typing import Literal

from emulator.foundry import documents as doc
from emulator.foundry.documents import Json
from emulator.foundry.store import Record, Store
from emulator.model import TurnEnded

Status = Literal["completed", "incomplete", "failed", "cancelled", "expired"]
STAMPS = {
    "completed": "completed_at",
    "incomplete": "completed_at",
    "failed": "failed_at",
    "cancelled": "cancelled_at",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ends. *reason*: of an incomplete run. *code*, *message*: of a failed one. *used*: by its last turn."""

    status: Status
    code: str = ""
    message: str = ""
    reason: str = ""
    used: TurnEnded | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A record to store, and the event that tells of it."""

    record: Record
    event: str


def open_step(store: Store, run_id: str, kind: Literal["tool_calls", "message_creation"]) -> Record | None:
    """Return the step a run is at, when it is of *kind*. Only the latest step can be open."""
    step = store.shelf("step", run_id).last()
    if step and step.document["type"] == kind and step.document["status"] == "in_progress":
        return step
    return None


def close_run(run: Record, ending: Ending, now_s: int) -> Change:
    spent = spend(run, ending.used) if ending.used else run.inner
    fields: Json = {
        "status": ending.status,
        "required_action": None,
        "usage": doc.usage(spent["prompt"], spent["completion"]),
    }
    if ending.status in STAMPS:
        fields[STAMPS[ending.status]] = now_s
    if ending.status == "failed":
        fields["last_error"] = {"code": ending.code, "message": ending.message}
    if ending.status == "incomplete":
        fields["incomplete_details"] = {"reason": ending.reason}
    return Change(Record("run", run.parent, {**run.document, **fields}, spent), f"thread.run.{ending.status}")


def close_work(store: Store, run: Record, ending: Ending, text: str, now_s: int) -> list[Change]:
    """Return the open message, which has got as far as *text*, and the open step as *ending* leaves them."""
    step = open_step(store, run.id, "message_creation")
    if step is not None:
        message_id = step.document["step_details"]["message_creation"]["message_id"]
        message = store.find("message", message_id, run.parent)
        closed = _close_step(step, ending, ending.used, now_s)
        # A client may delete the message while it is written.
        return [_close_message(message, ending, text, now_s), closed] if message else [closed]
    step = open_step(store, run.id, "tool_calls")
    if step is None:
        return []
    return [_close_step(step, ending, TurnEnded(step.inner["prompt"], step.inner["completion"]), now_s)]


def spend(run: Record, used: TurnEnded) -> Json:
    """Return the run's inner state with the tokens of one more turn."""
    return {
        **run.inner,
        "prompt": run.inner["prompt"] + used.prompt_tokens,
        "completion": run.inner["completion"] + used.completion_tokens,
    }


def _close_message(message: Record, ending: Ending, text: str, now_s: int) -> Change:
    document = {**message.document, "content": doc.text_content(text)}
    if ending.status == "completed":
        document |= {"status": "completed", "completed_at": now_s}
        return Change(Record("message", message.parent, document), "thread.message.completed")
    reason = {"max_completion_tokens": "max_tokens"}.get(ending.reason, ending.reason)
    document |= {
        "status": "incomplete",
        "incomplete_at": now_s,
        "incomplete_details": {"reason": reason or f"run_{ending.status}"},
        "content": doc.text_content(text) if text else [],
    }
    return Change(Record("message", message.parent, document), "thread.message.incomplete")


def _close_step(step: Record, ending: Ending, used: TurnEnded | None, now_s: int) -> Change:
    status = "completed" if ending.status == "incomplete" else ending.status  # steps know no incomplete
    document = {**step.document, "status": status}
    if status in STAMPS:
        document[STAMPS[status]] = now_s
    if used is not None:
        document["usage"] = doc.usage(used.prompt_tokens, used.completion_tokens)
    if status == "failed":
        document["last_error"] = {"code": "server_error", "message": ending.message}
    return Change(Record("step", step.parent, document, step.inner), f"thread.run.step.{status}")
