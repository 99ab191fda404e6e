"""One setting in words: how it is declared, its default as one types it, what it may be, and a file of them all."""

from collections.abc import Iterable
from typing import Any

from pydantic import Field, SecretStr
from pydantic.fields import FieldInfo


def setting(alias: str, default: object, description: str, **rules: Any) -> Any:  # as pydantic's Field
    """Return a field that the environment variable *alias* sets."""
    return Field(default, alias=alias, description=description, **rules)


def default_text(field: FieldInfo) -> str:
    """Return the default as one would type it; empty for none."""
    default = field.get_default()
    if isinstance(default, SecretStr):
        return default.get_secret_value()
    return str(default).lower() if isinstance(default, bool) else str(default)


def describe_limits(field: FieldInfo) -> str:
    """Return what values are allowed, empty where any text is."""
    if field.annotation is bool:
        return "One of: true, false"
    choices = getattr(field.annotation, "__args__", ())
    if choices:
        return "One of: " + ", ".join(choices)
    bounds = {
        name: getattr(rule, name)
        for rule in field.metadata
        for name in ("ge", "gt", "le")
        if hasattr(rule, name)
    }
    if not bounds:
        return ""
    low = f"{bounds['ge']} to " if "ge" in bounds else f"above {bounds['gt']}, up to "
    return f"{low.capitalize()}{bounds['le']}"


def example_file(fields: Iterable[FieldInfo]) -> str:
    """Return the text of a file with all *fields*, each with its meaning, limits and an example, all commented out."""
    lines = [
        "# Copy to .env and uncomment what you change. Variables of the environment win over this file.",
        "# Azure mode needs the three names without a RELAYDECK_ prefix; local mode needs nothing.",
    ]
    for field in fields:
        lines += ["", f"# {field.description}"]
        if limits := describe_limits(field):
            lines.append(f"# {limits}")
        lines.append(f"#{field.alias}={(field.examples or [default_text(field)])[0]}")
    return "\n".join(lines) + "\n"
