"""The public surface: what the rest of Relaydeck imports from services/, runtime.py and the tools of the function app, and
every type that this shows.

Read from the source by ast: nothing is imported, so nothing is started.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CALLERS = ("app.py", "runtime.py", "ui", "pages", "commands", "chaos", "functions/function_app.py")
OWNERS = ("services", "runtime", "tools")  # whose names are the surface
FOLDERS = (".", "functions")  # where an import may begin
PROMISE = re.compile(r"Raises [^.]*")
RAISED = re.compile(r"\b[A-Z]\w+")
Definition = ast.ClassDef | ast.FunctionDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True, slots=True)
class Entry:
    """A name that a module defines at its top level."""

    module: str
    name: str
    node: Definition


class Module:
    """A file's top level. *name*: as it is imported, with dots."""

    def __init__(self, path: Path, name: str) -> None:
        self.path, self.name = path, name
        self.tree = ast.parse(path.read_text("utf-8"))

    @property
    def docstring(self) -> str:
        """Return what the file says of itself; empty: nothing."""
        return ast.get_docstring(self.tree) or ""

    @cached_property
    def defined(self) -> Mapping[str, Definition]:
        """Return the definitions by name, in the order of the file."""
        return dict(_defined(self.tree))

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """Return the dotted name behind each name that an import of this file makes."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom):
                found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.asname or alias.name: alias.name for alias in node.names}
        return found


class Code:
    """The modules below *root*, read when they are asked for."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        self._modules: dict[str, Module | None] = {}

    def module(self, name: str) -> Module | None:
        """Return the module of this repository; None: there is none of that name."""
        if name not in self._modules:
            stems = [self.root.joinpath(folder, *name.split(".")) for folder in FOLDERS]
            files = [file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py")]
            found = next((file for file in files if file.is_file()), None)
            self._modules[name] = Module(found, name) if found else None
        return self._modules[name]

    def find(self, module: str, name: str) -> Entry | None:
        """Return where *name*, as *module* knows it, is defined; None: not in this repository, or it is a module."""
        known = self.module(module)
        if known is None:
            return None
        if name in known.defined:
            return Entry(module, name, known.defined[name])
        origin, _, last = known.imported.get(name, "").rpartition(".")
        return self.find(origin, last) if origin else None

    def used(self, tree: ast.AST, module: Module) -> Iterator[Entry]:
        """Yield what the names and attributes in *tree* mean, as far as this repository defines it."""
        for node in ast.walk(tree):
            found = None
            if isinstance(node, ast.Name):
                found = self.find(module.name, node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                found = self.find(module.imported.get(node.value.id, ""), node.attr)
            if found is not None:
                yield found


def surface(code: Code) -> list[Entry]:
    """Return the public surface in the order of modules and of their lines.

    What callers import, what they use of modules that they import whole, the types in the signatures and fields of all
    these, and the errors that they promise.
    """
    found: dict[tuple[str, str], Entry] = {}
    waiting = [entry for file in _callers(code.root) for entry in _asked_for(code, file)]
    while waiting:
        entry = waiting.pop()
        key = (entry.module, entry.name)
        if (
            key in found
            or not is_owned(entry.module)
            or entry.name.startswith("_")
            or _is_variable(entry.node)
        ):
            continue
        found[key] = entry
        module = code.module(entry.module)
        assert module is not None
        for tree in shown_types(entry.node):
            waiting += code.used(tree, module)
        for name in RAISED.findall(_words(entry.node)):
            if (error := code.find(entry.module, name)) is not None:
                waiting.append(error)
    return sorted(found.values(), key=lambda entry: (entry.module, entry.node.lineno))


def _words(node: Definition) -> str:
    """Return what *node* and its public parts promise to raise."""
    documented = [node, *node.body] if isinstance(node, ast.ClassDef) else [node]
    said = [
        ast.get_docstring(one) or "" for one in documented if isinstance(one, ast.ClassDef | ast.FunctionDef)
    ]
    return " ".join(promise for text in said for promise in PROMISE.findall(text))


def is_owned(module: str) -> bool:
    """Return whether the names of *module* can be part of the surface."""
    return module.partition(".")[0] in OWNERS


def shown_types(node: Definition) -> Iterator[ast.AST]:
    """Yield the expressions that say which types go in and come out."""
    match node:
        case ast.FunctionDef():
            yield from _of_function(node)
        case ast.ClassDef():
            yield from node.bases
            for inner in node.body:
                if isinstance(inner, ast.AnnAssign) and is_public(inner):
                    yield inner.annotation
                elif isinstance(inner, ast.FunctionDef) and is_public(inner):
                    yield from _of_function(inner)
        case ast.AnnAssign():
            yield node.annotation
        case ast.Assign() if is_type(node):
            yield node.value


def is_public(node: ast.stmt) -> bool:
    """Return whether a part of a class is for its users."""
    match node:
        case ast.FunctionDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
            return not name.startswith("_")
        case ast.Assign(targets=[ast.Name(id=name)]):
            return not name.startswith("_")
    return False


def is_type(node: Definition) -> bool:
    """Return whether an assignment names a type, as `Kind = Literal[…]` does."""
    return (
        isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and not node.targets[0].id.isupper()
        and isinstance(node.value, ast.Subscript | ast.BinOp | ast.Name)
    )


def _is_variable(node: Definition) -> bool:
    """Return whether it is a type variable, which says nothing by itself."""
    value = node.value if isinstance(node, ast.Assign) else None
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("TypeVar", "ParamSpec")


def _of_function(node: ast.FunctionDef) -> Iterator[ast.AST]:
    arguments = node.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        if argument.annotation is not None:
            yield argument.annotation
    if node.returns is not None:
        yield node.returns


def _defined(tree: ast.Module) -> Iterator[tuple[str, Definition]]:
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name, node
            case ast.Assign(targets=[ast.Tuple(elts=names)]):
                yield from ((name.id, node) for name in names if isinstance(name, ast.Name))
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                yield name, node


def _callers(root: Path) -> Iterator[Path]:
    for name in CALLERS:
        place = root / name
        yield from sorted(place.rglob("*.py")) if place.is_dir() else [place]


def _asked_for(code: Code, file: Path) -> Iterator[Entry]:
    module = Module(file, ".".join(file.relative_to(code.root).with_suffix("").parts))
    whole = {}
    for alias, dotted in module.imported.items():
        if is_owned(dotted):
            origin, _, name = dotted.rpartition(".")
            if (entry := code.find(origin, name)) is not None:
                yield entry
            else:
                whole[alias] = dotted
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in whole:
            entry = code.find(whole[node.value.id], node.attr)
            if entry is not None:
                yield entry
