"""What the person before the page may press. For the eye only: the services ask again when it is pressed."""

from typing import TypedDict

from services.access import NEEDS, ActionName
from ui import context


class Button(TypedDict):
    """For `st.button(**…)`."""

    disabled: bool
    help: str | None


def barred(action: ActionName) -> str:
    """Return why the person may not do *action*; empty when they may."""
    return (
        "" if context.services().access.may(action) else f"That takes the role {NEEDS[action].capitalize()}."
    )


def button(action: ActionName, *, disabled: bool = False, help: str | None = None) -> Button:
    """Return what a button that does *action* is drawn with: dead, and saying why, for whom it is not."""
    why = barred(action)
    return {"disabled": disabled or bool(why), "help": why or help}
