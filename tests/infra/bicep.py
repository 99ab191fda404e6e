"""Bicep files as declarations: what each declares, with its syntax trees. Reads what tree-sitter's grammar knows."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import tree_sitter_bicep
from tree_sitter import Language, Node, Parser

INFRA = Path(__file__).parents[2] / "infra"
Sources = Mapping[str, str]  # file name below infra/, with / : its text


@dataclass(frozen=True)
class Declared:
    """A parameter, variable or output. *value*: its default or value. *type*: the word after the name."""

    name: str
    node: Node
    value: Node | None
    type: str = ""
    decorators: Mapping[str, Node] = field(default_factory=dict)


@dataclass(frozen=True)
class Deployed:
    """A resource or a module. *target*: type@version, or the module's file. *loop*: what it is repeated over.

    *each*: the names that stand for the item and, if there are two, its number. *condition*: of `if`.
    """

    name: str
    node: Node
    target: str
    body: Node
    existing: bool = False
    condition: Node | None = None
    loop: Node | None = None
    each: tuple[str, ...] = ()


@dataclass
class BicepFile:
    """One file. Names are unique across all four kinds, but for outputs."""

    name: str
    text: bytes
    root: Node
    scope: str = "resourceGroup"
    parameters: dict[str, Declared] = field(default_factory=dict)
    variables: dict[str, Declared] = field(default_factory=dict)
    outputs: dict[str, Declared] = field(default_factory=dict)
    resources: dict[str, Deployed] = field(default_factory=dict)
    modules: dict[str, Deployed] = field(default_factory=dict)
    twice: list[str] = field(default_factory=list)

    def text_of(self, node: Node) -> str:
        return self.text[node.start_byte : node.end_byte].decode()

    def line_of(self, node: Node) -> str:
        return f"{self.name}:{node.start_point[0] + 1}"

    def declared(self) -> set[str]:
        return {*self.parameters, *self.variables, *self.resources, *self.modules}


def sources() -> dict[str, str]:
    """Return every file of infra/ that Bicep reads, by its path below it."""
    endings = {".bicep", ".json", ".kql"}
    return {
        path.relative_to(INFRA).as_posix(): path.read_text("utf-8")
        for path in sorted(INFRA.rglob("*"))
        if path.suffix in endings
    }


@cache
def parse(name: str, text: str) -> BicepFile:
    """Return the declarations of one file. A file with syntax errors gives those that could be made out."""
    raw = text.encode()
    root = _parser().parse(raw).root_node
    file = BicepFile(name, raw, root)
    decorators: dict[str, Node] = {}
    for node in root.named_children:
        match node.type:
            case "decorators":
                calls = [call for call in walk(node) if call.type == "call_expression"]
                decorators = {file.text_of(call.named_children[0]): call for call in calls}
                continue
            case "target_scope_assignment":
                file.scope = file.text_of(node.named_children[-1]).strip("'")
            case "parameter_declaration" | "variable_declaration" | "output_declaration":
                _add_declared(file, node, decorators)
            case "resource_declaration" | "module_declaration":
                _add_deployed(file, node)
        decorators = {}
    return file


def syntax_errors(file: BicepFile) -> list[str]:
    """Return where the text is no Bicep, as far as the grammar knows."""
    return [
        f"{file.line_of(node)}: syntax error at {file.text_of(node)[:40]!r}"
        for node in walk(file.root)
        if node.is_error or node.is_missing
    ]


def walk(node: Node) -> Iterator[Node]:
    """Yield *node* and everything below it."""
    yield node
    for child in node.children:
        yield from walk(child)


def literal(file: BicepFile, node: Node) -> str | None:
    """Return the text of a string without interpolation; None for anything else."""
    if node.type != "string" or any(child.type == "interpolation" for child in node.children):
        return None
    return "".join(part for part in parts_of(file, node) if isinstance(part, str))


def parts_of(file: BicepFile, node: Node) -> list[str | Node]:
    """Return a string's pieces: texts, and the expressions between them."""
    parts: list[str | Node] = []
    for child in node.children[1:]:
        text = file.text_of(child)
        if child.type == "interpolation":  # the grammar has blanks that stand alone belong to what follows
            parts += [text.partition("${")[0], child.named_children[0]]
        elif child == node.children[-1]:
            parts.append(text.removesuffix("'"))
        else:
            parts.append(text.removeprefix("\\") if child.type == "escape_sequence" else text)
    return parts


@cache
def _parser() -> Parser:
    return Parser(Language(tree_sitter_bicep.language()))


def _add_declared(file: BicepFile, node: Node, decorators: Mapping[str, Node]) -> None:
    named = node.named_children
    name = file.text_of(named[0])
    kind = next((file.text_of(one) for one in named if one.type == "type"), "")
    equals = next((at for at, child in enumerate(node.children) if child.type == "="), None)
    value = node.children[equals + 1] if equals is not None else None
    home = {
        "parameter_declaration": file.parameters,
        "variable_declaration": file.variables,
        "output_declaration": file.outputs,
    }[node.type]
    if name in home or (home is not file.outputs and name in file.declared()):
        file.twice.append(name)
    home[name] = Declared(name, node, value, kind, decorators)


def _add_deployed(file: BicepFile, node: Node) -> None:
    identifier, target, *rest = node.named_children
    name, body = file.text_of(identifier), rest[-1]
    loop: Node | None = None
    condition: Node | None = None
    each: tuple[str, ...] = ()
    if body.type == "for_statement":
        *head, loop, inner = body.named_children
        each = tuple(file.text_of(one) for part in head for one in (part.named_children or [part]))
        body = inner
    if body.type == "if_statement":
        condition, body = body.named_children
    home = file.resources if node.type == "resource_declaration" else file.modules
    if name in file.declared():
        file.twice.append(name)
    existing = any(child.type == "existing" for child in node.children)
    home[name] = Deployed(name, node, literal(file, target) or "", body, existing, condition, loop, each)
