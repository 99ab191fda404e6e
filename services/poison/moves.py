"""What the poison desk does: replays, deletes, purges. Every message passes Actions; what became of each is told.

A message is held first, then sent on, then removed. Whoever is broken off in between leaves it in the poison queue, where
it shows again within a minute: it may then be replayed once more, but is never lost. It travels unchanged, with its
CorrelationId, by which the function knows a repeat and answers it without doing its work again.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from services.actions import ActionName, Actions, Change
from services.errors import InvalidInput, ServiceError, Unavailable, UnexpectedReply
from services.poison.desk import WHOLE_MOST, PoisonDesk
from services.poison.edit import judge_edit
from services.poison.reading import read
from services.poison.shapes import ActionWord, Look, Outcome, Report
from services.poison.store import BATCH, HELD_S, PoisonStore, Stored, require_poison
from services.queues import NAME, POISON_SUFFIX, QueueService

MOST_AT_ONCE = 500
USABLE_S = HELD_S - 15  # of the time for which a message is held; a request under way must not outlive it
LATE = "the time for which messages may be hidden was over"
NAMES: dict[ActionWord, ActionName] = {
    "replayed": "replay message",
    "deleted": "delete message",
    "purged": "purge queue",
}
Step = Callable[[Stored], Outcome]


class _StoppedError(Exception):
    """Carries the outcome of the message at which a batch ends, and why it ends."""

    def __init__(self, outcome: Outcome, problem: ServiceError) -> None:
        super().__init__(problem.message)
        self.outcome, self.problem = outcome, problem


class PoisonMoves:
    """Threads share it; of two that want the same message one gets it, the other is told that it is gone."""

    def __init__(
        self,
        store: PoisonStore,
        desk: PoisonDesk,
        queues: QueueService,
        actions: Actions,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store, self._desk, self._queues = store, desk, queues
        self._actions, self._clock = actions, clock

    def replay(self, queue: str, ids: Sequence[str], to: str = "", look: Look | None = None) -> Report:
        """Send the messages of *ids*, 500 at most, to where they belong, unchanged, and remove them from *queue*.

        *to*: the destination where nothing says it; it is never guessed. *look*: what the person saw, to tell a message
        that has expired meanwhile. Raises InvalidInput, and what keeps the first request from being made; a failure
        later is the report's `problem`. Two requests a message; for what lies before the last of them one request per 32
        to take it and one each to show it again.
        """
        target = self._target(queue, to)
        return self._selected(
            "replayed", queue, ids, lambda held: self._replay(queue, held, target), look, target
        )

    def replay_all(self, queue: str, to: str = "", most: int = MOST_AT_ONCE) -> Report:
        """Do what replay() does with as many messages as lie there at the start, *most* at most: what keeps coming back
        is not sent round and round."""
        target = self._target(queue, to)
        return self._all("replayed", queue, lambda held: self._replay(queue, held, target), most, target)

    def replay_edited(
        self, queue: str, message_id: str, text: str, to: str = "", *, insist: bool = False
    ) -> Report:
        """Send *text* in the place of a message and remove that. As many requests as replay(). Raises InvalidInput: it cannot be
        sent, or breaks the tool's contract and nobody insists; the message then stays as it is."""
        target = self._target(queue, to)
        contract = self._desk.explainer.contract(target)

        def step(held: Stored) -> Outcome:
            edit = judge_edit(read(held.content), text, contract)
            if edit.faults or (edit.problems and not insist):
                raise InvalidInput(
                    "The changed message was not sent: " + " ".join(edit.faults or edit.problems),
                    operation="replay message",
                    resource=queue,
                    hint="Correct it; the message is still where it was.",
                )
            return self._replay(queue, held, target, edit.content)

        return self._selected("replayed", queue, [message_id], step, None, target)

    def delete(self, queue: str, ids: Sequence[str], look: Look | None = None) -> Report:
        """Remove the messages of *ids*, 500 at most. Nothing brings them back. One request a message; taking and passing over
        costs what it does in replay(). Raises what keeps the first request from being made."""
        return self._selected("deleted", queue, ids, lambda held: self._delete(queue, held), look)

    def purge(self, queue: str, typed: str) -> Report:
        """Remove all messages. *typed*: the queue's name, as a person wrote it. Three requests, more for a queue of many.
        Raises InvalidInput: another name; and what keeps it from being done."""
        require_poison(queue)
        if typed.strip() != queue:
            raise InvalidInput(
                "Nothing was purged: the name that was typed is not the queue's.",
                operation="purge queue",
                resource=queue,
                hint=f"Type {queue} to empty it.",
            )
        about = self._queues.depth_of(queue).messages
        self._actions.perform(
            "purge queue",
            queue,
            lambda: self._store.clear(queue),
            before={"queue": queue, "messages": about},
            change=lambda _: Change(after={"queue": queue, "messages": 0}),
        )
        return Report("purged", queue, more=about)

    # One message --------------------------------------------------------------------------------------

    def _replay(self, queue: str, held: Stored, to: str, content: str = "") -> Outcome:
        sent = False

        def do() -> None:
            nonlocal sent
            self._store.send(to, content or held.content)
            sent = True
            self._store.remove(queue, held)

        try:
            self._actions.perform(
                "replay message",
                f"{queue}/{held.id}",
                do,
                before=held.content,
                change=lambda _: Change(after=content or held.content),
            )
        except ServiceError as error:
            if sent:
                words = "It was sent, and shows again within a minute. Replayed once more it has no second effect."
                return _ended(Outcome(held.id, "left", words), error)
            if isinstance(error, UnexpectedReply) or (isinstance(error, Unavailable) and error.sent):
                words = "Whether it was sent is not known. Replayed once more it has no second effect."
                return _ended(Outcome(held.id, "unsure", words), error)
            return _ended(Outcome(held.id, "kept", error.message), error)
        return Outcome(held.id, "done")

    def _delete(self, queue: str, held: Stored) -> Outcome:
        try:
            self._actions.perform(
                "delete message",
                f"{queue}/{held.id}",
                lambda: self._store.remove(queue, held),
                before=held.content,
            )
        except ServiceError as error:
            return _ended(Outcome(held.id, "kept", error.message), error)
        return Outcome(held.id, "done")

    # Batches ------------------------------------------------------------------------------------------

    def _selected(
        self,
        action: ActionWord,
        queue: str,
        ids: Sequence[str],
        step: Step,
        look: Look | None,
        target: str = "",
    ) -> Report:
        require_poison(queue)
        # Messages are taken, which others notice, before each is acted upon.
        self._actions.require(NAMES[action], queue)
        wanted = list(dict.fromkeys(ids))[:MOST_AT_ONCE]
        due_s = self._clock() + USABLE_S
        mine, others, problem = self._hold(queue, wanted)
        missed = self._store.give_back(queue, others)
        outcomes, stopped = self._work(queue, mine, step, due_s)
        known = {one.id: one for one in outcomes}
        gone = self._gone(look)
        found = [
            known.get(one) or Outcome(one, "untried" if problem else "gone", gone.get(one, ""))
            for one in wanted
        ]
        notes = (f"{missed} others that were passed over show again within a minute.",) if missed else ()
        return Report(action, queue, tuple(found), target, stopped or problem, None, notes)

    def _all(self, action: ActionWord, queue: str, step: Step, most: int, target: str) -> Report:
        require_poison(queue)
        self._actions.require(NAMES[action], queue)
        left = about = min(self._queues.depth_of(queue).messages, most)
        outcomes: list[Outcome] = []
        problem: ServiceError | None = None
        while left > 0 and problem is None:
            due_s = self._clock() + USABLE_S
            try:
                held = self._store.take(queue, min(BATCH, left))
            except ServiceError as error:
                if not outcomes:
                    raise
                problem = error
                break
            if not held:
                break
            left -= len(held)
            done, problem = self._work(queue, held, step, due_s)
            outcomes += done
        more = self._left(queue) if about else 0
        return Report(action, queue, tuple(outcomes), target, problem, more)

    def _hold(
        self, queue: str, wanted: Sequence[str]
    ) -> tuple[list[Stored], list[Stored], ServiceError | None]:
        """Return the messages of *wanted* that could be taken, those that were taken on the way, and what ended it.

        Raises what the first request raises.
        """
        missing = set(wanted)
        mine: list[Stored] = []
        others: list[Stored] = []
        while missing and len(mine) + len(others) < WHOLE_MOST:
            try:
                batch = self._store.take(queue)
            except ServiceError as error:
                if not mine and not others:
                    raise
                return mine, others, error
            if not batch:
                break
            for one in batch:
                (mine if one.id in missing else others).append(one)
            missing -= {one.id for one in batch}
        return mine, others, None

    def _work(
        self, queue: str, held: Sequence[Stored], step: Step, due_s: float
    ) -> tuple[list[Outcome], ServiceError | None]:
        """Return what became of each of *held*, and what ended the batch; all that are still there are shown again."""
        outcomes: list[Outcome] = []
        problem: ServiceError | None = None
        try:
            for one in held:
                if problem is not None or self._clock() > due_s:
                    outcomes.append(Outcome(one.id, "untried", LATE if problem is None else ""))
                    continue
                try:
                    outcomes.append(step(one))
                except _StoppedError as stopped:
                    outcomes.append(stopped.outcome)
                    problem = stopped.problem
        finally:
            finished = {one.id for one in outcomes if one.state == "done"}
            self._store.give_back(queue, [one for one in held if one.id not in finished])
        return outcomes, problem

    def _left(self, queue: str) -> int | None:
        try:
            return self._queues.depth_of(queue).messages
        except ServiceError:
            return None

    def _gone(self, look: Look | None) -> Mapping[str, str]:
        """Return what is known of messages that are not there any more: that they expired, and when."""
        now = self._desk.now()
        return {
            one.id: f"It expired at {one.expires_at:%Y-%m-%d %H:%M:%S} UTC."
            for one in (look.messages if look else ())
            if _is_over(one.expires_at, now)
        }

    def _target(self, queue: str, to: str) -> str:
        """Return where the messages go. Raises InvalidInput: nothing says it, or it is not *to*."""
        require_poison(queue)
        known = self._desk.explainer.destination(queue)
        if known is not None and to in ("", known.queue):
            return known.queue
        if known is not None:
            raise _refusal(queue, f"The messages of {queue} belong to {known.queue}, not to {to}.")
        if not to:
            raise _refusal(
                queue, f"Nothing says where the messages of {queue} belong.", "Choose the queue yourself."
            )
        if not NAME.fullmatch(to) or to.endswith(POISON_SUFFIX):
            raise _refusal(queue, "That is no queue to replay to.", "Choose a queue that a function reads.")
        return to


def _ended(outcome: Outcome, error: ServiceError) -> Outcome:
    """Return *outcome* when it says something of this message only. Raises _StoppedError: the others would fare alike."""
    if isinstance(error, InvalidInput):
        return outcome
    raise _StoppedError(outcome, error) from error


def _is_over(expires_at: datetime | None, now: datetime) -> bool:
    return expires_at is not None and expires_at <= now


def _refusal(queue: str, words: str, hint: str = "") -> InvalidInput:
    return InvalidInput(words, operation="replay messages", resource=queue, hint=hint)
