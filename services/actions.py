"""Every write that a person asks for, or the sweeper does by itself, passes here: what it was, on what, how it ended."""

import logging
from collections.abc import Callable
from typing import Literal, TypeVar

from services.errors import ServiceError

log = logging.getLogger(__name__)
T = TypeVar("T")
Tell = Callable[[str, str, str], None]
ActionName = Literal[
    "delete agent",
    "update team",
    "delete thread",
    "delete queue",
    "cancel run",
    "replay message",
    "delete message",
    "look through queue",
    "purge queue",
    "clean up",
    "send probe",
    "back up",
    "restore",
]


class Actions:
    """Threads share it. *tell*: told of each action, its target and its outcome: Telemetry.acted()."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell

    def perform(self, name: ActionName, target: str, do: Callable[[], T]) -> T:
        """Return what *do* returns. Logs and tells the outcome: `done`, or the kind of error; raises what *do* raises.

        *target*: the id or the name of what is acted upon, never its content.
        """
        try:
            result = do()
        except ServiceError as error:
            self._note(name, target, type(error).__name__)
            raise
        except BaseException:
            self._note(name, target, "broken")
            raise
        self._note(name, target, "done")
        return result

    def _note(self, name: str, target: str, outcome: str) -> None:
        log.info("operator.acted", extra={"action": name, "target": target, "outcome": outcome})
        self._tell(name, target, outcome)
