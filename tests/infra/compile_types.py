"""Writes types.json: what Microsoft's own index says of the resource types that infra/ uses, without its prose.

    python -m tests.infra.compile_types FOLDER

FOLDER: a clone of github.com/Azure/bicep-types-az (MIT licence), which is what the Bicep compiler itself checks against.
Needed when a type or an API version is new in infra/. Nothing of it is needed to run the tests.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.infra.bicep import parse, sources
from tests.infra.types import INDEX

NOTE = "Derived from github.com/Azure/bicep-types-az, Copyright (c) Microsoft Corporation, MIT licence (LICENSE there)."


def main(folder: str) -> int:
    wanted = sorted(used())
    commit = _git(folder, "rev-parse", "HEAD").strip()
    files = _git(folder, "ls-tree", "-r", "--name-only", "HEAD", "generated").splitlines()
    shapes: list[Any] = []
    known: dict[str, int] = {}
    types: dict[str, int] = {}
    for name in wanted:
        found = _find(folder, files, name)
        if found is None:
            print(f"{name}: not in the index", file=sys.stderr)
            return 1
        types[name] = _Compactor(*found, shapes, known).root()
    rows = ",\n".join(json.dumps(shape, separators=(",", ":")) for shape in shapes)
    head = json.dumps({"note": NOTE, "commit": commit, "types": types}, indent=1)[:-2]
    INDEX.write_text(f'{head},\n "shapes": [\n{rows}\n]\n}}\n', "utf-8")
    return 0


def used() -> set[str]:
    """Return every type@version that infra/ names."""
    files = [parse(name, text) for name, text in sources().items() if name.endswith(".bicep")]
    return {resource.target for file in files for resource in file.resources.values()}


class _Compactor:
    """Copies what one type can reach into *shapes*, each shape once."""

    def __init__(self, all_types: list[Any], body: int, shapes: list[Any], known: dict[str, int]) -> None:
        self._types, self._body, self._shapes, self._known = all_types, body, shapes, known
        self._done: dict[int, int] = {}

    def root(self) -> int:
        return self._copy(self._body)

    def _copy(self, at: int) -> int:
        if at in self._done:
            return self._done[at]
        kind = self._types[at]
        if kind["$type"] in ("ObjectType", "DiscriminatedObjectType"):
            self._done[at] = len(self._shapes)
            self._shapes.append(None)
            self._shapes[self._done[at]] = self._object(kind)
            return self._done[at]
        shape = self._plain(kind)
        key = json.dumps(shape)
        if key not in self._known:
            self._known[key] = len(self._shapes)
            self._shapes.append(shape)
        self._done[at] = self._known[key]
        return self._done[at]

    def _object(self, kind: Mapping[str, Any]) -> dict[str, Any]:
        props = kind.get("properties") or kind.get("baseProperties") or {}
        shape: dict[str, Any] = {
            "p": {name: [one["flags"], self._copy(_at(one["type"]))] for name, one in props.items()}
        }
        if kind.get("additionalProperties"):
            shape["more"] = self._copy(_at(kind["additionalProperties"]))
        if kind["$type"] == "DiscriminatedObjectType":
            shape["key"] = kind["discriminator"]
            shape["of"] = {value: self._copy(_at(ref)) for value, ref in kind["elements"].items()}
        return shape

    def _plain(self, kind: Mapping[str, Any]) -> dict[str, Any]:
        match kind["$type"]:
            case "ArrayType":
                return {"list": self._copy(_at(kind["itemType"]))}
            case "UnionType":
                parts = [self._types[_at(ref)] for ref in kind["elements"]]
                values = [part["value"] for part in parts if part["$type"] == "StringLiteralType"]
                return {"one": values, "open": len(values) < len(parts)}
            case "StringLiteralType":
                return {"one": [kind["value"]], "open": False}
            case "StringType":
                limits = {
                    short: kind[long]
                    for short, long in (("least", "minLength"), ("most", "maxLength"))
                    if long in kind
                }
                return {"is": "string", **limits}
            case "IntegerType":
                return {"is": "int"}
            case "BooleanType":
                return {"is": "bool"}
        return {"is": "any"}


def _find(folder: str, files: list[str], wanted: str) -> tuple[list[Any], int] | None:
    kind, _, version = wanted.partition("@")
    for path in _files_of(files, kind.partition("/")[0].lower(), version):
        all_types = json.loads(_git(folder, "show", f"HEAD:{path}"))
        for one in all_types:
            if one["$type"] == "ResourceType" and one["name"].lower() == wanted.lower():
                return all_types, _at(one["body"])
    return None


def _files_of(files: list[str], provider: str, version: str) -> Iterator[str]:
    for path in files:
        parts = path.split("/")
        if len(parts) == 5 and parts[2].lower() == provider and parts[3:] == [version, "types.json"]:
            yield path


def _at(reference: Mapping[str, str]) -> int:
    return int(reference["$ref"].rpartition("/")[2])


def _git(folder: str, *words: str) -> str:
    return subprocess.run(
        ["git", "-C", str(Path(folder)), *words], check=True, capture_output=True, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
