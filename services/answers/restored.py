"""Questions and answers that came from a back-up: messages of a thread to which no run belongs here."""

from collections.abc import Sequence

from services.agents.backend import ThreadMessage
from services.backup.marks import origin_of
from services.models import Answer

NOTICE = "Restored from a back-up: its run, steps and times stayed in the project it was made of."


def restored_answers(thread_id: str, messages: Sequence[ThreadMessage]) -> tuple[Answer, ...]:
    """Return the restored exchanges among *messages*, both oldest first; a question without a reply is `cancelled`.

    *asked_at*: when it was asked in the old project.
    """
    exchanges: list[tuple[ThreadMessage | None, list[ThreadMessage]]] = []
    for message in messages:
        if origin_of(message.metadata) is None:
            continue
        if message.role == "user":
            exchanges.append((message, []))
        elif exchanges:
            exchanges[-1][1].append(message)
        else:
            exchanges.append((None, [message]))
    return tuple(_answer(thread_id, question, replies) for question, replies in exchanges)


def _answer(thread_id: str, question: ThreadMessage | None, replies: Sequence[ThreadMessage]) -> Answer:
    first = question or replies[0]
    origin = origin_of(first.metadata)
    return Answer(
        id=f"ans_{first.id}",
        question=question.text if question else "",
        state="answered" if replies else "cancelled",
        text="\n\n".join(reply.text for reply in replies),
        thread_id=thread_id,
        asked_at=origin.created_at if origin and origin.created_at else first.created_at,
        notice=NOTICE,
    )
