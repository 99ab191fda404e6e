"""Which Relaydeck this is."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

PROJECT: Final = Path(__file__).resolve().parents[1] / "pyproject.toml"


@cache
def version() -> str:
    """Return Relaydeck's own version, as pyproject.toml keeps it; empty when that file is not there."""
    try:
        with PROJECT.open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
    except (OSError, tomllib.TOMLDecodeError, KeyError):
        return ""
