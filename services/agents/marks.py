"""What the metadata of agents and threads says about whose they are and how long they may live. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

KIND, ENVIRONMENT, LIVES, KEEP = "relaydeck", "environment", "lives_s", "relaydeck_keep"
# The most calls, one after another, between the deadline of an answer and its last deletion.
CALLS_AFTERWARDS = 20
LONGEST_DEADLINE_S, LONGEST_CALL_S = 600.0, 30.0  # for things without the mark: made by an older version


def lives_s(answer_deadline_s: float, call_deadline_s: float) -> str:
    """Return the mark of things made for one answer: the seconds after which nobody can be at work on them.

    That is the deadline, and then a clean-up in which every call takes as long as it may.
    """
    return str(int(answer_deadline_s + CALLS_AFTERWARDS * call_deadline_s))


def alive_until(created_at: datetime, metadata: Mapping[str, str]) -> datetime:
    """Return when what carries *metadata*, made for one answer, is nobody's any more."""
    stated = metadata.get(LIVES, "")
    if not (stated.isascii() and stated.isdecimal() and len(stated) < 6):
        stated = lives_s(LONGEST_DEADLINE_S, LONGEST_CALL_S)
    return created_at + timedelta(seconds=int(stated))
