"""One delegation, or one function call of the main run, followed by looks from a thread of its own."""

import logging
import threading
from typing import TYPE_CHECKING

from services.agents.backend import Call, RunStep
from services.answers.hop import CORRELATION_ID, PEEK_MOST, Hop, match
from services.answers.parts import middle
from services.errors import NotFound, ServiceError
from services.telemetry.context import working_on

if TYPE_CHECKING:
    from services.answers.hops import HopWatch

log = logging.getLogger(__name__)
FIRST_LOOK_S, SLOWER, LAST_LOOK_S = 0.03, 1.25, 1.0
RETURNED_LOOK_S = 2.0  # how often a message that was taken is looked for again: a failed delivery comes back
STEPS_LOOK_S = 1.0  # how often the run's steps are read while its message is seen waiting
GIVE_UP_AFTER = 3  # failed looks after the call itself has ended


class Watcher:
    """Follows one delegation (*key* of its step), or one function call of the main run (*key* None)."""

    def __init__(self, watch: "HopWatch", key: str | None, call: Call) -> None:
        self._watch, self._key, self._call = watch, key, call
        self._journal = watch.job.journal
        self._began_s = self._looked_s = self._journal.at_s()
        self._ended_s: float | None = None
        self._steps_s = self._returned_s = float("-inf")
        self._failures = 0
        self._wake = threading.Event()
        self._stopped = False
        self.hops: dict[str, Hop] = {}
        self.complete = False
        self.done = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run_traced, name="answer-hops", daemon=True).start()

    def told(self, call: Call) -> None:
        """The run says more of the call: its child's ids may be among it."""
        if call.child_run_id and not self._call.child_run_id:
            self._call = call
            self._wake.set()

    def end(self, call: Call | None = None) -> None:
        """The call is over: have a last look, now."""
        if self._ended_s is None:
            self._call = call or self._call
            self._ended_s = self._journal.at_s()
            self._wake.set()

    def stop(self) -> None:
        self._stopped = True
        self._wake.set()

    def _run_traced(self) -> None:
        with working_on(self._watch.job.trace):
            self._run()

    def _run(self) -> None:
        interval_s = FIRST_LOOK_S
        try:
            while not self._stopped and not self.done.is_set():
                news = self._look_safely()
                if self.done.is_set():
                    return
                soon = news or self._ended_s is not None  # the last look is waited for, and has failed
                interval_s = FIRST_LOOK_S if soon else min(interval_s * SLOWER, LAST_LOOK_S)
                self._wake.wait(interval_s)
                self._wake.clear()
        except Exception:
            log.exception("hops.watch_failed", extra={"answer": self._watch.job.id})
        finally:
            self.done.set()

    def _look_safely(self) -> bool:
        over = self._ended_s is not None
        try:
            return self._look()
        except ServiceError as exc:
            self._failures += over
            log.info("hops.look_failed", extra={"answer": self._watch.job.id, "reason": exc.message})
            if isinstance(exc, NotFound) or self._failures >= GIVE_UP_AFTER:
                self.done.set()
            return False

    def _look(self) -> bool:
        if self._key is None:
            return self._look_at_own_call()
        if not self._call.child_run_id and not self._find_child():
            return False
        over, now_s = self._ended_s is not None, self._journal.at_s()
        news = False
        waiting = any(hop.phase == "waiting" for hop in self.hops.values())
        if over or not waiting or now_s - self._steps_s >= STEPS_LOOK_S:
            news = self._look_at_steps()
        if over:
            self.complete = all(hop.is_over for hop in self.hops.values())
            self.done.set()
            return news
        return self._look_into_queues() or news

    def _find_child(self) -> bool:
        """Return whether the main run's steps name the child by now. They may do so only once it ended, or never."""
        over, answer = self._ended_s is not None, self._journal.answer
        if answer.run_id and self._watch.budget.take():
            for step in self._watch.backend.list_steps(answer.thread_id, answer.run_id):
                for call in step.calls:
                    if call.id == self._call.id and call.child_run_id:
                        self._call = call
                        self._watch.job.add_child(self._key or "", call.child_thread_id, call.child_run_id)
                        return True
        if over:
            self.done.set()
        return False

    def _look_at_steps(self) -> bool:
        if not self._watch.budget.take():
            self.done.set()
            return False
        sent_s = self._journal.at_s()
        steps = self._watch.backend.list_steps(self._call.child_thread_id, self._call.child_run_id)
        replied_s = self._journal.at_s()
        news = False
        for step in steps:
            for call in step.calls:
                if call.kind == "azure_function" and call.name:
                    news = self._take(call, step, replied_s) or news
        self._looked_s = self._steps_s = sent_s
        return news

    def _take(self, call: Call, step: RunStep, replied_s: float) -> bool:
        over = call.output is not None or step.state not in ("in_progress", "")
        hop = self.hops.get(call.id)
        if hop is None:
            began_s = self._looked_s if over else middle(self._looked_s, replied_s)
            hop = self._add(call, step.run_id, self._key, began_s)
        elif hop.is_over or not over:
            return False
        if call.output is None and step.state in ("cancelled", "expired"):
            hop.lose()
        elif over:
            latest_s = replied_s if self._ended_s is None else min(replied_s, self._ended_s)
            hop.answered(
                call, self._looked_s, latest_s, failed=step.state not in ("in_progress", "completed")
            )
        return True

    def _add(self, call: Call, run_id: str, parent: str | None, began_s: float) -> Hop:
        self._watch.job.function_called = True
        hop = Hop(call, run_id, parent, self._journal.record, began_s)
        self.hops[call.id] = hop
        return hop

    def _look_at_own_call(self) -> bool:
        """The main run's own stream tells when the call began and ended; only its queue is left to see."""
        hop = self.hops.get(self._call.id)
        if hop is None:
            hop = self._add(self._call, self._journal.answer.run_id, None, self._began_s)
        if self._ended_s is not None:
            hop.answered(self._call, self._ended_s, self._ended_s, failed=self._call.output is None)
            self.complete = True
            self.done.set()
            return True
        return self._look_into_queues()

    def _look_into_queues(self) -> bool:
        news = False
        now_s = self._journal.at_s()
        returned = now_s - self._returned_s >= RETURNED_LOOK_S
        for hop in self.hops.values():
            due = hop.phase in ("looking", "waiting") or (hop.phase == "running" and returned)
            if due and hop.peekable and self._watch.budget.take():
                news = self._peek(hop) or news
            self._watch.say_if_silent(hop)
        if returned or news:
            self._returned_s = now_s
        return news

    def _peek(self, hop: Hop) -> bool:
        sent_s = self._journal.at_s()
        try:
            messages = self._watch.queues.peek(self._watch.queue_of(hop.call.name), PEEK_MOST)
        except NotFound:
            hop.peekable = False
            return False
        replied_s = self._journal.at_s()
        asked_at = self._journal.answer.asked_at
        for message in messages:
            if message.id == hop.message_id:
                return hop.seen(hop.certainty, message.id, sent_s, replied_s)
        for message in messages:
            certainty = match(message, hop.call, hop.run_id, asked_at) if asked_at else None
            if not hop.message_id and certainty and self._watch.claim(message.id):
                told = (message.body or {}).get(CORRELATION_ID)
                if certainty != "guess" and isinstance(told, str | int):
                    self._watch.job.correlation_ids[hop.call.id] = str(told)
                return hop.seen(certainty, message.id, sent_s, replied_s)
        if len(messages) >= PEEK_MOST:
            return False  # a peek shows the first 32: the message may lie behind them
        return hop.missing(sent_s, replied_s)
