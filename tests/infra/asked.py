"""What comes out of working Bicep out: resources that are asked for, and what expressions mean by one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


class Outputs(dict[str, Any]):
    """What a module gives back. One that is not deployed gives what only Azure knows; rules.py checks the names."""


@dataclass(frozen=True)
class Resource:
    """A resource as an expression means it. *path*: its name below those of its parents."""

    target: str
    path: str
    body: Mapping[str, Any]

    @property
    def address(self) -> str:
        """Its id, without what stands before the resource group's end."""
        return f"‹{re.sub('@.*', '', self.target)}:{self.path}›"


@dataclass(frozen=True)
class Asked:
    """A resource that would be made. *scope*: the resource it is on, or its parent. *file*: with the line, for messages."""

    type: str
    version: str
    body: Mapping[str, Any]
    where: str
    scope: str
    symbol: str

    @property
    def name(self) -> str:
        return str(self.body.get("name", ""))

    @property
    def path(self) -> str:
        """Its name below those of its parents."""
        parent = self.body.get("parent")
        return f"{parent.path}/{self.name}" if isinstance(parent, Resource) else self.name


@dataclass
class Deployment:
    """All that one call of a template asks for. *reads*: (type@version, path, where) of what is read of resources.

    *relied_on*: (type, path, where) of resources that are said to exist already.
    """

    asked: list[Asked] = field(default_factory=list)
    reads: set[tuple[str, str, str]] = field(default_factory=set)
    outputs: dict[str, Any] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    relied_on: set[tuple[str, str, str]] = field(default_factory=set)
