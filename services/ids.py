"""Ids of our own making."""

import secrets


def new_id(prefix: str) -> str:
    """Return *prefix*, an underscore and 20 random hexadecimal digits."""
    return f"{prefix}_{secrets.token_hex(10)}"
