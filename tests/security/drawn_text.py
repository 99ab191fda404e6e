"""Which texts pages draw as Markdown that did not pass ui.safe, found in the source: what can run is not left to chance.

A text is ours when it is written in the source, a number, a time, a word of a closed choice, what ui.safe or ui.formats
return, or made of such texts alone. What a name was set to, what a function returns and what its callers hand to it are
followed through all files of pages/ and ui/. What cannot be shown to be ours is a finding.
"""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_TEXTS = ("markdown", "caption", "write", "title", "header", "subheader", "info", "warning", "error", "success", "toast",
          "exception", "latex", "html", "badge")  # fmt: skip
_WIDGETS = ("button", "checkbox", "selectbox", "multiselect", "radio", "text_input", "text_area", "expander", "popover",
            "segmented_control", "pills", "toggle", "download_button", "link_button", "number_input", "date_input", "time_input",
            "slider", "status", "spinner", "dialog", "file_uploader", "chat_input", "form_submit_button", "page_link", "tabs")  # fmt: skip
# What Streamlit reads as Markdown: how many of the first arguments, and which by name.
SINKS: Mapping[str, tuple[int, tuple[str, ...]]] = {
    **dict.fromkeys(_TEXTS, (1, ("body", "icon", "help"))),
    **dict.fromkeys(_WIDGETS, (1, ("label", "help", "icon", "placeholder", "caption", "tabs"))),
    "page_link": (0, ("label", "help", "icon")),
    "metric": (3, ("label", "value", "delta", "help")),
}
KEEPS = {"join", "replace", "strip", "rstrip", "lstrip", "capitalize", "lower", "upper", "title", "removeprefix", "removesuffix",
         "partition", "rpartition", "split", "get", "items", "values", "keys", "format", "setdefault", "pop"}  # fmt: skip
PASSES = {
    "str",
    "list",
    "tuple",
    "sorted",
    "reversed",
    "filter",
    "enumerate",
    "zip",
    "dict",
    "set",
    "next",
    "iter",
    "min",
    "max",
}
NUMBERS = {
    "len",
    "int",
    "float",
    "round",
    "sum",
    "abs",
    "bool",
    "range",
    "ceil",
    "floor",
    "isoformat",
    "strftime",
    "total_seconds",
}
PLAIN_TYPES = {"int", "float", "bool", "datetime", "timedelta", "date", "tzinfo", "Figure"}
# Of services/: words that are written there, and numbers.
WRITTEN = {
    "new_id",
    "summary",
    "count_words",
    "per_minute",
    "rate_words",
    "seconds",
    "version",
    "grain_words",
    "selectbox_label",
}
# Texts of objects that a person has followed to where they are made: none is of others.
CHECKED = {
    ("View", "words"), ("View", "short"), ("View", "label"),  # an unknown range of the address becomes the last hour
    ("Hop", "name"), ("Stage", "name"),  # the six hops, the stages of an agent's life
    ("Result", "source"), ("Trace", "sources"),  # which service was asked
    ("Doctor", "report"), ("Look", "notes"), ("Look", "colour"),
}  # fmt: skip
PARTS_OF_TIMES = {"day", "month", "year", "hour", "minute", "second", "microsecond", "days", "seconds"}
DEEPEST = 40


@dataclass(frozen=True)
class Scope:
    """A function, or a whole file. *given*: which of its parameters are ours in the call that is looked into."""

    file: str
    node: ast.Module | ast.FunctionDef
    given: frozenset[tuple[str, bool]] = frozenset()


class Drawn:
    """Looks through *folders*. *reviewed*: expressions that a person has found to be ours, by file, with the reason."""

    def __init__(
        self, folders: tuple[str, ...] = ("pages", "ui"), sources: Mapping[str, str] | None = None
    ) -> None:
        found = sources or {
            path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
            for folder in folders
            for path in sorted((ROOT / folder).rglob("*.py"))
        }
        services = [ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "services").rglob("*.py"))]
        self.files = {file: ast.parse(text) for file, text in found.items()}
        self.choices = {
            target.id
            for tree in (*services, *self.files.values())
            for node in tree.body
            if isinstance(node, ast.Assign) and _name(getattr(node.value, "value", None)) == "Literal"
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        self.plain = self._plain_attributes((*services, *self.files.values()))
        self.classes = {
            node.name: (file, node)
            for file, tree in self.files.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
        }
        self.functions: dict[str, list[Scope]] = {}
        self.calls: dict[str, list[tuple[Scope, ast.Call]]] = {}
        for file, tree in self.files.items():
            for scope in _scopes(file, tree):
                if isinstance(scope.node, ast.FunctionDef):
                    self.functions.setdefault(scope.node.name, []).append(scope)
                for node in _own(scope.node):
                    if isinstance(node, ast.Call):
                        self.calls.setdefault(_name(node.func), []).append((scope, node))
        self._looking: set[tuple[int, frozenset[tuple[str, bool]]]] = set()

    def findings(self) -> Iterator[tuple[str, str]]:
        """Yield the file and the expression of each text that is drawn and cannot be shown to be ours."""
        for file, tree in self.files.items():
            for scope in _scopes(file, tree):
                for node in _own(scope.node):
                    if (
                        isinstance(node, ast.Call)
                        and isinstance(node.func, ast.Attribute)
                        and node.func.attr in SINKS
                    ):
                        first, names = SINKS[node.func.attr]
                        drawn = [
                            *node.args[:first],
                            *(one.value for one in node.keywords if one.arg in names),
                        ]
                        yield from ((file, ast.unparse(one)) for one in drawn if not self.ours(one, scope))

    def ours(self, node: ast.expr, scope: Scope, depth: int = 0) -> bool:
        if depth > DEEPEST:
            return False

        def look(one: ast.expr) -> bool:
            return self.ours(one, scope, depth + 1)

        match node:
            case ast.Constant() | ast.Compare() | ast.UnaryOp():
                return True
            case ast.JoinedStr():
                return all(
                    _is_number_format(part.format_spec) or look(part.value)
                    for part in node.values
                    if isinstance(part, ast.FormattedValue)
                )
            case ast.BinOp(op=ast.Mult()) if isinstance(node.left, ast.Constant):
                return True  # a text of ours, so many times
            case ast.BinOp():
                return look(node.left) and look(node.right)
            case ast.DictComp():
                return look(node.key) and look(node.value)
            case ast.IfExp():
                return look(node.body) and look(node.orelse)
            case ast.BoolOp() | ast.List() | ast.Tuple() | ast.Set():
                return all(map(look, node.values if isinstance(node, ast.BoolOp) else node.elts))
            case ast.Dict():
                return all(look(one) for one in (*node.keys, *node.values) if one is not None)
            case ast.Starred() | ast.NamedExpr():
                return look(node.value)
            case ast.ListComp() | ast.GeneratorExp() | ast.SetComp():
                return look(node.elt)
            case ast.Subscript():
                return look(node.value)
            case ast.Call():
                return self._call(node, scope, depth)
            case ast.Name():
                return self._named(node.id, scope, depth)
            case ast.Attribute():
                return (
                    node.attr in self.plain | PARTS_OF_TIMES
                    or node.attr.isupper()
                    or self._of_object(node, scope, depth)
                )
        return False

    def _of_object(self, node: ast.Attribute, scope: Scope, depth: int) -> bool:
        """Return whether an attribute of an object, whose class is one of these files', can only hold texts of ours."""
        kind_name = self._class_of(node.value, scope)
        if (kind_name, node.attr) in CHECKED:
            return True
        found = self.classes.get(kind_name)
        if found is None:
            return False
        file, kind = found
        fields = [
            one.target.id
            for one in kind.body
            if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)
        ]
        if node.attr not in fields:
            bodies = [one for one in kind.body if isinstance(one, ast.FunctionDef) and one.name == node.attr]
            return bool(bodies) and all(self._all_returned(Scope(file, body), depth) for body in bodies)
        handed: list[tuple[Scope, ast.expr]] = []
        for caller, call in self.calls.get(kind.name, []):
            handed += [(caller, one.value) for one in call.keywords if one.arg == node.attr]
            handed += [
                (caller, call.args[place]) for place in [fields.index(node.attr)] if place < len(call.args)
            ]
        return bool(handed) and all(self.ours(value, caller, depth + 1) for caller, value in handed)

    def _class_of(self, node: ast.expr, scope: Scope) -> str:
        """Return the name of the class of what *node* names, by the annotations of parameters; empty when it is not known."""
        if isinstance(node, ast.Call):
            kinds = {
                _name(one.node.returns)
                for one in self._meant(node.func, scope)
                if isinstance(one.node, ast.FunctionDef)
            }
            return kinds.pop() if len(kinds) == 1 else ""
        if not isinstance(node, ast.Name) or not isinstance(scope.node, ast.FunctionDef):
            return ""
        if node.id == "self":
            return next((name for name, (_, kind) in self.classes.items() if scope.node in kind.body), "")
        parameters = scope.node.args
        every = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
        for value in _set_to(node.id, scope.node):  # a loop over a sequence of such objects
            if isinstance(value, ast.Name):
                return next((_item(one.annotation) for one in every if one.arg == value.id), "")
            if isinstance(value, ast.Call) and _name(value.func) in ("zip",):
                return next(
                    (
                        _item(p.annotation)
                        for a in value.args
                        for p in every
                        if isinstance(a, ast.Name) and p.arg == a.id and _item(p.annotation) in self.classes
                    ),
                    "",
                )
            if isinstance(value, ast.Call):
                return self._class_of(value, scope) or next(
                    (
                        _name(body.node.returns)
                        for body in self.functions.get(_name(value.func), [])
                        if isinstance(body.node, ast.FunctionDef)
                    ),
                    "",
                )
        for one in every:
            if one.arg == node.id:
                kind = one.annotation
                return _name(kind.left) if isinstance(kind, ast.BinOp) else _name(kind)
        return ""

    def _call(self, node: ast.Call, scope: Scope, depth: int) -> bool:
        called = _name(node.func)
        arguments = [*node.args, *(one.value for one in node.keywords)]
        if isinstance(node.func, ast.Attribute):
            module = _name(node.func.value)
            if module in ("safe", "formats") and called not in (
                "clean",
                "told",
            ):  # these two take nothing out
                return True
            if called == "join":
                return self.ours(node.func.value, scope, depth + 1) and all(
                    self.ours(a, scope, depth + 1) for a in arguments
                )
            if called in KEEPS and called not in self.functions:
                given = (
                    arguments[1:] if called in ("get", "pop") else arguments
                )  # what it is looked up by is not returned
                return all(self.ours(one, scope, depth + 1) for one in (node.func.value, *given))
        if called in NUMBERS | WRITTEN:
            return True
        if called in PASSES:
            return all(self.ours(one, scope, depth + 1) for one in arguments if not _is_function(one))
        if called == "map" and len(node.args) == 2:
            return _name(getattr(node.args[0], "value", None)) == "safe" or self._returns(
                _name(node.args[0]), {}, depth
            )
        bodies = self._meant(node.func, scope)
        return bool(bodies) and all(self._body(body, node, scope, depth) for body in bodies)

    def _meant(self, called: ast.expr, scope: Scope) -> list[Scope]:
        """Return the functions that *called* may be: those of the module it names, else of its own file, else all."""
        every = self.functions.get(_name(called), [])
        place = _name(called.value) if isinstance(called, ast.Attribute) else Path(scope.file).stem
        return [one for one in every if Path(one.file).stem == place] or every

    def _returns(self, name: str, given: Mapping[str, bool], depth: int) -> bool:
        bodies = self.functions.get(name, [])
        return bool(bodies) and all(
            self._all_returned(Scope(b.file, b.node, frozenset(given.items())), depth) for b in bodies
        )

    def _body(self, body: Scope, call: ast.Call, scope: Scope, depth: int) -> bool:
        assert isinstance(body.node, ast.FunctionDef)
        names = [one.arg for one in (*body.node.args.posonlyargs, *body.node.args.args)]
        names = names[1:] if names[:1] == ["self"] else names
        given = {
            name: self.ours(value, scope, depth + 1) for name, value in zip(names, call.args, strict=False)
        }
        given |= {one.arg: self.ours(one.value, scope, depth + 1) for one in call.keywords if one.arg}
        return self._all_returned(Scope(body.file, body.node, frozenset(given.items())), depth)

    def _all_returned(self, scope: Scope, depth: int) -> bool:
        key = (id(scope.node), scope.given)
        if key in self._looking:  # a function that calls itself: its other results decide
            return True
        assert isinstance(scope.node, ast.FunctionDef)
        if self._plain_type(scope.node.returns):
            return True
        self._looking.add(key)
        try:
            returned = [
                one.value
                for one in _own(scope.node)
                if isinstance(one, ast.Return | ast.Yield) and one.value is not None
            ]
            return bool(returned) and all(self.ours(one, scope, depth + 1) for one in returned)
        finally:
            self._looking.discard(key)

    def _named(self, name: str, scope: Scope, depth: int) -> bool:
        values = list(_set_to(name, scope.node))
        if values:
            key = (id(scope.node), frozenset({(f"={name}", True)}))
            if key in self._looking:
                return True
            self._looking.add(key)
            try:
                return all(self.ours(one, scope, depth + 1) for one in values)
            finally:
                self._looking.discard(key)
        if isinstance(scope.node, ast.FunctionDef):
            parameters = scope.node.args
            for place, one in enumerate([*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]):
                if one.arg == name:
                    return self._parameter(one, place, scope, depth)
            return self._named(name, Scope(scope.file, self.files[scope.file]), depth + 1)
        return any(  # a constant of another file
            isinstance(node, ast.ImportFrom)
            and any((alias.asname or alias.name) == name and name.isupper() for alias in node.names)
            for node in scope.node.body
        )

    def _parameter(self, parameter: ast.arg, place: int, scope: Scope, depth: int) -> bool:
        if self._plain_type(parameter.annotation):
            return True
        for name, ours in scope.given:
            if name == parameter.arg:
                return ours
        assert isinstance(scope.node, ast.FunctionDef)
        handed: list[tuple[Scope, ast.expr]] = []
        for caller, call in self.calls.get(scope.node.name, []):
            if place < len(call.args):
                handed.append((caller, call.args[place]))
            handed += [(caller, one.value) for one in call.keywords if one.arg == parameter.arg]
        if (
            not handed and not scope.given
        ):  # nobody calls it by its name: a callback, whose arguments stand elsewhere
            return False
        return all(self.ours(value, caller, depth + 1) for caller, value in handed)

    def _plain_type(self, annotation: ast.expr | None) -> bool:
        match annotation:
            case ast.BinOp():
                return self._plain_type(annotation.left) and self._plain_type(annotation.right)
            case ast.Constant():
                return annotation.value is None
            case ast.Subscript():
                return _name(annotation.value) == "Literal"
            case ast.Name() | ast.Attribute():
                return _name(annotation) in PLAIN_TYPES | self.choices
        return False

    def _plain_attributes(self, trees: tuple[ast.Module, ...]) -> set[str]:
        """Return the names of attributes that hold no text of others in any class that has one of that name."""
        kinds: dict[str, bool] = {}
        for tree in trees:
            for node in ast.walk(tree):
                if not isinstance(node, ast.ClassDef):
                    continue
                for one in node.body:
                    if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name):
                        kinds[one.target.id] = kinds.get(one.target.id, True) and self._plain_type(
                            one.annotation
                        )
                    elif isinstance(one, ast.FunctionDef):
                        kinds[one.name] = kinds.get(one.name, True) and self._plain_type(one.returns)
        return {name for name, plain in kinds.items() if plain}


def _name(node: ast.AST | None) -> str:
    """Return the last part of a dotted name; empty for anything else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _item(annotation: ast.expr | None) -> str:
    """Return `T` of Sequence[T] and its like."""
    if isinstance(annotation, ast.Subscript):
        inside = annotation.slice.elts[0] if isinstance(annotation.slice, ast.Tuple) else annotation.slice
        return _name(inside)
    return ""


def _is_function(node: ast.expr) -> bool:
    return isinstance(node, ast.Lambda) or (isinstance(node, ast.Constant) and node.value is None)


def _is_number_format(spec: ast.expr | None) -> bool:
    """Return whether only a number, or a time, can be written so."""
    text = "".join(str(part.value) for part in getattr(spec, "values", ()) if isinstance(part, ast.Constant))
    return text.endswith((",", "f", "d", "e", "%")) or "%" in text


def _scopes(file: str, tree: ast.Module) -> Iterator[Scope]:
    yield Scope(file, tree)
    yield from (Scope(file, node) for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what lies in *node*, but not in functions inside it."""
    todo = list(ast.iter_child_nodes(node))
    while todo:
        one = todo.pop()
        if not isinstance(one, ast.FunctionDef):
            yield one
            todo.extend(ast.iter_child_nodes(one))


def _set_to(name: str, node: ast.AST) -> Iterator[ast.expr]:
    """Yield every value that *name* is set to in *node*, loops and unpacking included."""
    for one in _own(node):
        if isinstance(one, ast.Assign):
            for target in one.targets:
                yield from _matched(name, target, one.value)
        elif isinstance(one, ast.AnnAssign | ast.AugAssign | ast.NamedExpr) and one.value is not None:
            yield from _matched(name, one.target, one.value)
        elif isinstance(one, ast.For | ast.comprehension):
            yield from _matched(name, one.target, one.iter)
        elif (
            isinstance(one, ast.Call)
            and isinstance(one.func, ast.Attribute)
            and _name(one.func.value) == name
        ):
            if one.func.attr in ("append", "extend", "insert", "add", "update"):
                yield from one.args
        elif isinstance(one, ast.withitem) and one.optional_vars is not None:
            yield from _matched(name, one.optional_vars, one.context_expr)


def _matched(name: str, target: ast.expr, value: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, ast.Name) and target.id == name:
        yield value
    elif isinstance(target, ast.Tuple | ast.List):
        if isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts):
            for one, part in zip(target.elts, value.elts, strict=True):
                yield from _matched(name, one, part)
        else:
            for one in target.elts:
                yield from _matched(name, one, value)
