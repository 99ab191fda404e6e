"""Questions that can be told apart, asked many at once, and what became of each."""

import random
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import runtime
from services.errors import ServiceError
from services.models import Answer

Kind = Literal["plain", "sum", "order", "foo", "plain alone", "sum alone"]
# Of twenty questions: so that every sample, however small, asks for the same.
MIX: tuple[Kind, ...] = (
    *("plain",) * 9,
    *("sum",) * 4,
    *("order",) * 4,
    "foo",
    "plain alone",
    "sum alone",
)
TEXTS: dict[Kind, str] = {
    "plain": "Good morning! This is number {mark}.",
    "sum": "What is {mark} * 3?",
    "order": "Where is order A-{mark}?",
    "foo": "What would foo say about number {mark}?",
    "plain alone": "Good evening! This is number {mark}.",
    "sum alone": "What is {mark} * 3?",
}
PATIENCE_S = 60.0  # beyond its deadline an answer is final within seconds


@dataclass(frozen=True, slots=True)
class Question:
    """*mark*: a number that no other question holds. *kind*: `… alone` is asked with a team made for it alone."""

    mark: str
    kind: Kind

    @property
    def text(self) -> str:
        return TEXTS[self.kind].format(mark=self.mark)

    @property
    def alone(self) -> bool:
        return self.kind.endswith("alone")

    @property
    def has_effect(self) -> bool:
        return not self.kind.startswith("plain")

    def is_answered_by(self, text: str) -> bool:
        """Whether *text* is the whole answer: what the function returned is in it, and the end of the sentence too."""
        if self.kind.startswith("sum"):
            return text.rstrip(".").endswith(f"= {int(self.mark) * 3}")
        if self.kind == "order":
            return f"no order A-{self.mark}" in text and text.rstrip().endswith("look like A-1007.")
        return text.endswith(f"{self.mark}?") if self.kind == "foo" else "RELAYDECK_LOCAL_MODEL_URL" in text


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a question: *answer* as it was in the end; None: it was not taken."""

    question: Question
    answer: Answer | None
    refusal: str = ""

    @property
    def is_answered(self) -> bool:
        return self.answer is not None and self.answer.state == "answered"

    @property
    def is_shown(self) -> bool:
        """Whether it is answered, or says in words and with a class and a reference why it is not."""
        if self.answer is None:
            return bool(self.refusal)
        problem = self.answer.problem
        told = problem is not None and all(
            (problem.code, problem.title, problem.next_step, problem.reference)
        )
        return self.is_answered or (not self.answer.is_open and told)

    @property
    def is_wrong(self) -> bool:
        """Whether something is shown as the answer that is none. One that tells that a connected agent failed is true."""
        text = self.answer.text if self.answer else ""
        return self.is_answered and not self.question.is_answered_by(text) and " failed: " not in text


def questions(count: int, chance: random.Random) -> list[Question]:
    """Return *count* questions, every twenty of them with the same mix in an order of their own."""
    marks = iter(chance.sample(range(10_000, 10_000 + 20 * max(count, 1_000)), count))
    found: list[Question] = []
    while len(found) < count:
        block = list(MIX)
        chance.shuffle(block)
        found += [Question(str(mark), kind) for kind, mark in zip(block, marks, strict=False)]
    return found


def ask_all(
    wanted: Sequence[Question], pooled: runtime.Runtime, alone: runtime.Runtime, at_once: int
) -> list[Fate]:
    """Return the fate of each question, *at_once* of them at a time; no order is kept."""
    lock, left, fates = threading.Lock(), iter(wanted), list[Fate]()

    def work() -> None:
        while True:
            with lock:
                question = next(left, None)
            if question is None:
                return
            fate = ask(question, alone if question.alone else pooled)
            with lock:
                fates.append(fate)

    threads = [threading.Thread(target=work, name=f"asker-{number}") for number in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return fates


def ask(question: Question, running: runtime.Runtime) -> Fate:
    answers = running.services.answers
    try:
        asked = answers.ask(question.text, token=f"{question.kind} {question.mark}")
    except ServiceError as error:
        return Fate(question, None, f"{type(error).__name__}: {error.message}")
    return Fate(question, answers.finish(asked.id, running.services.settings.answer_deadline_s + PATIENCE_S))


def shares(fates: Sequence[Fate]) -> Iterator[tuple[str, int]]:
    """Yield how often each end was met: answered, and each class of error."""
    ends: dict[str, int] = {}
    for fate in fates:
        answer = fate.answer
        name = "refused" if answer is None else answer.problem.code if answer.problem else answer.state
        if answer is not None and name == "answered" and " failed: " in answer.text:
            name = "answered that an agent failed"
        ends[name] = ends.get(name, 0) + 1
    yield from sorted(ends.items())
