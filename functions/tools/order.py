"""Ordered tools: the calls of one conversation run one at a time, in the order of its turns, on however many hosts.

What may not run yet goes back into the input queue as a copy that shows up later, and its delivery ends without an
answer. So a waiting call occupies no function, and is not counted as a failure. docs/decisions/007 has the reasons.
"""

import functools
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import azure.functions as func

from tools import ledger, replies, turns
from tools.envelope import Question, ToolError, render_error
from tools.ledger import Ledger, LedgerBusyError
from tools.queues import comes_again_s, function_timeout_s, input_queue, max_dequeue_count
from tools.turns import Call, State

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient

log = logging.getLogger(__name__)
WAIT_SETTING = "TOOL_ORDER_WAIT_S"
WAIT_S = 60.0
BUSY_RETRY_S = 5
PEEKED = 32
GRACE_S = 10.0  # between the end of a function that took too long and the end of its claim
LATE = "This call came too late: a later one of the same conversation was carried out already. It is not carried out any more."
OVERDUE = "This call waited too long for earlier ones of the same conversation. It was not carried out."
UNKNOWN = "This call was carried out before, but what it returned is not known any more."

Answered = tuple[str, str]


def in_turn(
    message: func.QueueMessage, question: Question, tool: str, work: Callable[[], Answered]
) -> Answered | None:
    """Return what *work* returned, run in its turn; None when the call was put back, to be met again later.

    Beside the outcomes of *work*: "repeated", and "refused" for a call that comes too late or cannot be placed.
    Raises what *work* raises, ValueError for an unusable setting, and AzureError when storage cannot be used.
    """
    if question.fault is not None:
        return work()  # an error that says what is wrong with the message; nothing is carried out
    try:
        turn = turns.read(question)
    except ToolError as exc:
        return render_error(str(exc)), "refused"
    call = Call(turn, _identity(question), str(message.id or ""), message.dequeue_count or 1)
    book = _ledger(ledger.queue_of(tool, turn.conversation))
    wait_s, claim_s = wait_setting_s(), function_timeout_s() + GRACE_S
    try:
        decision = book.change(
            turn.conversation,
            lambda state: turns.decide(
                state, call, time.time(), wait_s, claim_s, functools.partial(_has_backlog, tool)
            ),
        )
    except LedgerBusyError:
        log.warning("order.ledger_busy tool=%s turn=%d", tool, turn.number)
        _put_back(message, tool, BUSY_RETRY_S)
        return None
    if decision.lost:
        log.warning("order.gave_up tool=%s turn=%d lost=%d", tool, turn.number, decision.lost)
    if decision.verdict == "hold":
        _put_back(message, tool, decision.retry_s)
        return None
    if decision.verdict == "repeat":
        return render_error(UNKNOWN) if decision.value is None else decision.value, "repeated"
    if decision.verdict != "run":
        log.warning("order.%s tool=%s turn=%d", decision.verdict, tool, turn.number)
        return render_error(LATE if decision.verdict == "late" else OVERDUE), "refused"
    return _run(book, call, work)


def wait_setting_s() -> float:
    """Return how long a call is waited for that may never come. Raises ValueError when the setting is no number."""
    return float(os.environ.get(WAIT_SETTING, "").strip() or WAIT_S)


def _run(book: Ledger, call: Call, work: Callable[[], Answered]) -> Answered:
    def failed(state: State) -> None:
        turns.fail(state, call, time.time(), comes_again_s())

    def finished(state: State) -> None:
        turns.finish(state, call, value, time.time())

    try:
        value, outcome = work()
    except BaseException:
        try:
            book.change(call.turn.conversation, failed)
        except Exception:  # the claim runs out by itself; what the tool raised is what matters
            log.exception("order.not_noted turn=%d", call.turn.number)
        raise
    try:
        book.change(call.turn.conversation, finished)
    except Exception:
        if call.delivery < max_dequeue_count():
            raise  # delivered again, it is answered from memory and noted then
        log.exception("order.not_noted turn=%d", call.turn.number)
    return value, outcome


def _has_backlog(tool: str, before_s: float) -> bool:
    """Return whether a message that was put into the input queue before *before_s* can be seen in it. One request."""
    seen = _client(input_queue(tool)).peek_messages(max_messages=PEEKED, timeout=ledger.TIMEOUT_S)
    return any(one.inserted_on is not None and one.inserted_on.timestamp() < before_s for one in seen)


def _put_back(message: func.QueueMessage, tool: str, delay_s: int) -> None:
    """Sent before the host deletes the delivered one: a crash in between makes a copy, which is known by its id."""
    client = _client(input_queue(tool))
    client.send_message(message.get_body().decode(), visibility_timeout=delay_s, timeout=ledger.TIMEOUT_S)


def _identity(question: Question) -> str:
    """Samples send every question as "42": the arguments count too, as in tools/results.py."""
    known = json.dumps([question.correlation_id, question.arguments, question.fault], sort_keys=True)
    return hashlib.sha256(known.encode()).hexdigest()[:20]


@functools.cache
def _ledger(queue: str) -> Ledger:
    return Ledger(_client(queue))


@functools.cache
def _client(queue: str) -> "QueueClient":
    return replies.client_of(queue)
