"""The pages there are, section by section. To add one: a file in pages/, and an entry here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Screen:
    """A page of the menu. *file* lies in pages/; *default*: the one at the address without a path."""

    file: str
    title: str
    icon: str
    help: str
    default: bool = False
    wide: bool = False


MENU: dict[str, tuple[Screen, ...]] = {
    "Ask": (Screen("ask.py", "Ask", ":material/forum:", "Put a question and watch it travel", default=True),),
    "Watch": (),
    "Inventory": (),
    "Care": (),
    "Show": (),
}
