"""Writes docs/api/ from the docstrings of the public surface: `python -m commands.reference`."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from commands.reference_groups import GROUPS, INDEX, Group, group_of
from commands.reference_words import code_block, packed, prose, signature, wrapped
from commands.surface import ROOT, Code, Entry, Module, is_public, is_type, shown_types, surface

FOLDER = ROOT / "docs" / "api"
VALUE_AT_MOST = 140
FIELDS_AT_MOST = 60  # more are told by a page of their own


def pages(code: Code | None = None) -> Mapping[str, str]:
    """Return the text of every page by its file name."""
    code = code or Code()
    found = surface(code)
    parted: dict[str, list[Entry]] = {group.page: [] for group in GROUPS}
    for entry in found:
        parted[group_of(entry.module).page].append(entry)
    made = {f"{group.page}.md": _page(code, group, parted[group.page], found) for group in GROUPS}
    return {"README.md": _index(parted), **made}


def promised_by(method: str, entry: Entry, found: Iterable[Entry]) -> str:
    """Return the protocol of the surface that *entry* fulfils and that says what *method* does; empty: none does."""
    own = _said(entry).keys()
    for other in found:
        bases = other.node.bases if isinstance(other.node, ast.ClassDef) else []
        if other != entry and any(ast.unparse(base).partition("[")[0] == "Protocol" for base in bases):
            promised = _said(other)
            if promised.get(method) and promised.keys() <= own:
                return other.name
    return ""


def public_methods(entry: Entry) -> list[ast.FunctionDef]:
    """Return the methods of a class that are for its users; none of anything else."""
    body = entry.node.body if isinstance(entry.node, ast.ClassDef) else []
    return [inner for inner in body if isinstance(inner, ast.FunctionDef) and is_public(inner)]


def _said(entry: Entry) -> Mapping[str, str | None]:
    """Return what each method of a class says of itself, those with two underscores included; none for no class."""
    body = entry.node.body if isinstance(entry.node, ast.ClassDef) else []
    methods = [inner for inner in body if isinstance(inner, ast.FunctionDef)]
    return {
        inner.name: ast.get_docstring(inner)
        for inner in methods
        if is_public(inner) or (inner.name.startswith("__") and inner.name != "__init__")
    }


def _index(parted: Mapping[str, list[Entry]]) -> str:
    rows = [f"| [{group.title}]({group.page}.md) | {group.says} |" for group in GROUPS]
    places: dict[str, dict[str, str]] = {}
    for page, entries in parted.items():
        for entry in entries:
            if _is_code(entry):
                anchor = f"#{entry.name.lower()}" if isinstance(entry.node, ast.ClassDef) else ""
                places.setdefault(entry.name, {})[page] = f"{page}.md{anchor}"
    by_name = sorted(places.items(), key=lambda place: place[0].lower())
    names = " · ".join(_linked(name, found) for name, found in by_name)
    table = "\n".join(["| Page | What it is for |", "|---|---|", *rows])
    return f"{INDEX}\n{table}\n\n## Every class and function\n\n{wrapped(names)}\n"


def _linked(name: str, found: Mapping[str, str]) -> str:
    if len(found) == 1:
        return f"[{name}]({next(iter(found.values()))})"
    return f"{name} ({', '.join(f'[{page}]({link})' for page, link in sorted(found.items()))})"


def _page(code: Code, group: Group, entries: list[Entry], found: list[Entry]) -> str:
    guides = ", ".join(f"[{guide}](../{guide}.md)" for guide in group.guides)
    parts = [f"# {group.title}", f"{group.says} How it works: {guides}." if guides else group.says]
    leads = {entry.module for entry in entries if _is_service(code, entry)}
    modules = sorted(dict.fromkeys(entry.module for entry in entries), key=lambda name: name not in leads)
    for name in modules:
        module = code.module(name)
        assert module is not None
        parts += _module(module, code.root, [entry for entry in entries if entry.module == name], found)
    return "\n\n".join(parts) + "\n"


def _module(module: Module, root: Path, entries: list[Entry], found: list[Entry]) -> Iterator[str]:
    path = module.path.relative_to(root).as_posix()
    yield f"## [{path}](../../{path})"
    if module.docstring:
        yield prose(module.docstring)
    names = list(dict.fromkeys(_constant(entry) for entry in entries if not _is_code(entry)))
    if names:
        yield "\n".join(f"- `{text}`" for text in names)
    functions = [entry.node for entry in entries if isinstance(entry.node, ast.FunctionDef)]
    if functions:
        yield "\n".join(_callable(node) for node in functions)
    for entry in entries:
        if isinstance(entry.node, ast.ClassDef):
            yield from _class(entry, entry.node, found)


def _is_service(code: Code, entry: Entry) -> bool:
    """Return whether it is one of the services that pages and commands work with: those come first."""
    services = code.find("services.assembly", "Services")
    module = code.module("services.assembly")
    assert services is not None and module is not None
    return any(
        found.name == entry.name and found.module == entry.module
        for shown in shown_types(services.node)
        for found in code.used(shown, module)
    )


def _is_code(entry: Entry) -> bool:
    return isinstance(entry.node, ast.ClassDef | ast.FunctionDef)


def _constant(entry: Entry) -> str:
    text = " ".join(ast.unparse(entry.node).split())
    if len(text) <= VALUE_AT_MOST or is_type(entry.node):
        return text
    return f"{text.partition(' = ')[0]} = …"


def _class(entry: Entry, node: ast.ClassDef, found: list[Entry]) -> Iterator[str]:
    yield f"### {node.name}"
    fields = packed(node)
    if fields is not None and len(fields) <= FIELDS_AT_MOST:
        yield code_block(node, fields)
    said = prose(ast.get_docstring(node) or "")
    if said:
        yield said
    methods = public_methods(entry)
    silent = {
        inner.name: promised_by(inner.name, entry, found) for inner in methods if not ast.get_docstring(inner)
    }
    lines = [_callable(inner, owner=node.name) for inner in methods if not silent.get(inner.name)]
    for protocol in dict.fromkeys(filter(None, silent.values())):
        named = ", ".join(f"`{name}`" for name, who in silent.items() if who == protocol)
        lines.append(f"- As `{protocol}` says: {named}.")
    if lines:
        yield "\n".join(lines)


def _callable(node: ast.FunctionDef, owner: str = "") -> str:
    """Return the bullet of a function, or of a method of *owner*."""
    said = prose(ast.get_docstring(node) or "", indent="  ", facts=True)
    return f"- **`{signature(node, owner)}`**" + (f"\n  {said}" if said else "")


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for file in FOLDER.glob("*.md"):
        if file.name not in made:
            file.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, "utf-8", newline="\n")


if __name__ == "__main__":
    main()
