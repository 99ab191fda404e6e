"""What a deployment would be asked for: Bicep worked out for given parameters, resource by resource.

What only Azure knows, such as the id of something that is not there yet, is a Later: a text that names where it comes from.
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tree_sitter import Node

from tests.infra.asked import Asked, Deployment, Outputs, Resource
from tests.infra.bicep import BicepFile, Declared, Deployed, Sources, literal, parse, parts_of
from tests.infra.functions import FUNCTIONS, NEEDS_ALL, Later, later, truth


def deploy(
    sources: Sources, parameters: Mapping[str, Any], name: str = "main.bicep", into: Deployment | None = None
) -> Deployment:
    """Return what *name* asks for, with all that its modules do."""
    found = into or Deployment()
    _Scope(sources, parse(name, sources[name]), dict(parameters), found).run()
    return found


class _Scope:
    """One file with its parameters. Values are worked out when they are first asked for."""

    def __init__(
        self, sources: Sources, file: BicepFile, parameters: dict[str, Any], deployment: Deployment
    ) -> None:
        self._sources, self._file, self._found = sources, file, deployment
        self._given = {name: value for name, value in parameters.items() if name in file.parameters}
        self._known: dict[str, Any] = {}
        self._open: set[str] = set()

    def run(self) -> None:
        for name, declared in self._file.parameters.items():
            if name not in self._given and declared.value is None:
                self._given[name] = later(f"parameter {name}")
            self._check_allowed(name, declared)
        for resource in self._file.resources.values():
            if not resource.existing:
                for where, names in self._times(resource):
                    self._ask(resource, where, names)
            elif resource.condition is None or truth(self.value(resource.condition, {})):
                self._rely_on(resource)
        for module in self._file.modules:
            self._module(module)
        self._found.outputs = {
            name: self.value(one.value, {})
            for name, one in self._file.outputs.items()
            if one.value is not None
        }

    def _rely_on(self, resource: Deployed) -> None:
        found = self._lookup(resource.name)
        where = self._file.line_of(resource.node)
        for one in found if isinstance(found, list) else [found]:
            self._found.relied_on.add((resource.target.partition("@")[0], one.path, where))
            if extra := one.body.keys() - {"name", "parent", "scope"}:
                self._problem(resource.node, f"what exists already is not given {', '.join(sorted(extra))}")

    def value(self, node: Node, names: Mapping[str, Any]) -> Any:
        """Return what the expression *node* is worth. *names*: those of loops and lambdas around it."""
        text, kids = self._file.text_of(node), node.named_children
        match node.type:
            case "string":
                return self._string(node, names)
            case "number":
                return int(text)
            case "boolean":
                return text == "true"
            case "null":
                return None
            case "array":
                return [self.value(kid, names) for kid in kids if kid.type != "comment"]
            case "object":
                return self._object(node, names)
            case "identifier":
                return names[text] if text in names else self._lookup(text)
            case "parenthesized_expression":
                return self.value(kids[0], names)
            case "ternary_expression":
                chosen = truth(self.value(kids[0], names))
                return self.value(kids[1] if chosen else kids[2], names)
            case "unary_expression":
                return not truth(self.value(kids[0], names))
            case "binary_expression":
                return self._binary(node, names)
            case "member_expression":
                return self._member_of(kids[0], self._file.text_of(kids[-1]), node, names)
            case "subscript_expression":
                return self._item(self.value(kids[0], names), self.value(kids[1], names), node)
            case "call_expression":
                return self._call(node, names)
            case "for_statement":
                return self._for(node, names)
        self._problem(node, f"the checks do not know what {node.type} is worth")
        return later(text)

    def _lookup(self, name: str) -> Any:
        if name in self._given:
            return self._given[name]
        if name not in self._known:
            if name in self._open:
                self._found.problems.append(f"{self._file.name}: {name} is made of itself")
                return later(name)
            self._open.add(name)
            self._known[name] = self._work_out(name)
        return self._known[name]

    def _work_out(self, name: str) -> Any:
        file = self._file
        if declared := file.parameters.get(name) or file.variables.get(name):
            return later(name) if declared.value is None else self.value(declared.value, {})
        if resource := file.resources.get(name):
            if resource.loop is not None:
                return [self._reference(resource, names) for _, names in self._each(resource)]
            return self._reference(resource, {})
        if name in file.modules:
            return self._module(name)
        file_wide = later(name)
        self._found.problems.append(f"{file.name}: {name} is not declared")
        return file_wide

    def _reference(self, resource: Deployed, names: Mapping[str, Any]) -> "Resource":
        body = self._object(resource.body, names)
        parent = body.get("parent")
        path = f"{parent.path}/" if isinstance(parent, Resource) else ""
        return Resource(resource.target, f"{path}{body.get('name', '')}", body)

    def _module(self, name: str) -> Any:
        if name in self._known:
            return self._known[name]
        module = self._file.modules[name]
        outputs: dict[str, Any] = {}
        folder = self._file.name.rpartition("/")[0]
        path = f"{folder}/{module.target}" if folder else module.target
        for _, names in self._times(module):
            body = self._object(module.body, names)
            inner = replace(self._found, outputs={})
            if path in self._sources:
                deploy(self._sources, body.get("params") or {}, path, inner)
            outputs = inner.outputs
        self._known[name] = {"outputs": Outputs(outputs), "name": name}
        return self._known[name]

    def _times(self, one: Deployed) -> list[tuple[str, dict[str, Any]]]:
        """Return each time that *one* is made, with what its loop's names stand for then."""
        return [
            (where, names)
            for where, names in self._each(one)
            if one.condition is None or truth(self.value(one.condition, names))
        ]

    def _each(self, one: Deployed) -> list[tuple[str, dict[str, Any]]]:
        where = self._file.line_of(one.node)
        if one.loop is None:
            return [(where, {})]
        over = self.value(one.loop, {})
        if not isinstance(over, list):
            self._problem(one.node, "the loop is not over a list")
            return []
        return [
            (where, dict(zip(one.each, (item, number), strict=False))) for number, item in enumerate(over)
        ]

    def _ask(self, resource: Deployed, where: str, names: Mapping[str, Any]) -> None:
        body = self._object(resource.body, names)
        on = body.get("scope") or body.get("parent")
        kind, _, version = resource.target.partition("@")
        scope = on.address if isinstance(on, Resource) else self._file.scope
        self._found.asked.append(Asked(kind, version, body, where, scope, resource.name))

    def _object(self, node: Node, names: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for part in node.named_children:
            if part.type != "object_property":
                continue
            key, value = part.named_children[0], part.named_children[-1]
            name = str(self._string(key, names)) if key.type == "string" else self._file.text_of(key)
            if name in found:
                self._problem(part, f"{name} is there twice")
            found[name] = self.value(value, names)
        return found

    def _string(self, node: Node, names: Mapping[str, Any]) -> Any:
        if (plain := literal(self._file, node)) is not None:
            return plain
        parts = (
            one if isinstance(one, str) else self.value(one, names) for one in parts_of(self._file, node)
        )
        return "".join(map(str, parts))

    def _binary(self, node: Node, names: Mapping[str, Any]) -> Any:
        left, right = node.named_children
        operator = self._file.text_of(node.children[1])
        first = self.value(left, names)
        match operator:
            case "&&":
                return truth(first) and truth(self.value(right, names))
            case "||":
                return truth(first) or truth(self.value(right, names))
        second = self.value(right, names)
        if isinstance(first, Later) or isinstance(second, Later):
            return later(operator)
        match operator:
            case "==":
                return first == second
            case "!=":
                return first != second
            case ">":
                return first > second
            case "+":
                return first + second
        self._problem(node, f"the checks do not know the operator {operator}")
        return later(operator)

    def _member_of(self, of: Node, name: str, node: Node, names: Mapping[str, Any]) -> Any:
        """The grammar binds the member of a ternary's last part to the whole ternary; Bicep does not."""
        if of.type == "ternary_expression":
            asked, then, otherwise = of.named_children
            if truth(self.value(asked, names)):
                return self.value(then, names)
            return self._member_of(otherwise, name, node, names)
        return self._member(self.value(of, names), name, node)

    def _member(self, of: Any, name: str, node: Node) -> Any:
        if isinstance(of, Resource):
            return self._read(of, name, node)
        if isinstance(of, Later):
            return self._read_later(of, name, node)
        if isinstance(of, Mapping):
            if name in of:
                return of[name]
            if not isinstance(of, Outputs):
                self._problem(node, f"there is no {name} in {self._file.text_of(node)}")
            return later(name)
        self._problem(node, f"{self._file.text_of(node)}: nothing has a {name} here")
        return later(name)

    def _item(self, of: Any, key: Any, node: Node) -> Any:
        if isinstance(of, list) and isinstance(key, int) and key < len(of):
            return of[key]
        if isinstance(of, Mapping) and key in of:
            return of[key]
        if isinstance(of, Later):
            return Later(f"{of}[]", of.type, of.path)
        self._problem(node, f"there is no {key} in {self._file.text_of(node)}")
        return later(str(key))

    def _read(self, resource: "Resource", name: str, node: Node) -> Any:
        if name == "id":
            return resource.address
        if name in ("name", "location") and name in resource.body:
            return resource.body[name]
        self._found.reads.add((resource.target, name, self._file.line_of(node)))
        return Later(f"‹{resource.path}.{name}›", resource.target, name)

    def _read_later(self, of: Later, name: str, node: Node) -> Any:
        if not of.type:
            return later(f"{of}.{name}")
        path = f"{of.path}.{name}"
        self._found.reads.add((of.type, path, self._file.line_of(node)))
        return Later(f"{of}.{name}", of.type, path)

    def _call(self, node: Node, names: Mapping[str, Any]) -> Any:
        called, arguments = node.named_children
        name = self._file.text_of(called)
        given = [one for one in arguments.named_children if one.type != "comment"]
        if name in ("loadJsonContent", "loadTextContent"):
            return self._load(name, given[0], node)
        if name == "map":
            over, each = self.value(given[0], names), given[1]
            head, body = each.named_children
            words = [self._file.text_of(one) for one in (head.named_children or [head])]
            items = over if isinstance(over, list) else []
            return [self.value(body, {**names, words[0]: item}) for item in items]
        if name not in FUNCTIONS:
            self._problem(node, f"{name}() is no function that the checks know")
            return later(name)
        values = [self.value(one, names) for one in given]
        if name in NEEDS_ALL and any(isinstance(value, Later) for value in values):
            return later(name)
        return FUNCTIONS[name](*values)

    def _load(self, function: str, argument: Node, node: Node) -> Any:
        path = str(self._string(argument, {}))
        folder = self._file.name.rpartition("/")[0]
        while path.startswith("../"):
            path, folder = path.removeprefix("../"), folder.rpartition("/")[0]
        full = f"{folder}/{path}" if folder else path
        if full not in self._sources:
            self._problem(node, f"there is no file {full}")
            return later(full)
        text = self._sources[full]
        return json.loads(text) if function == "loadJsonContent" else text

    def _for(self, node: Node, names: Mapping[str, Any]) -> list[Any]:
        *head, over, body = node.named_children
        words = [self._file.text_of(one) for part in head for one in (part.named_children or [part])]
        items = self.value(over, names)
        return [
            self.value(body, {**names, **dict(zip(words, (item, number), strict=False))})
            for number, item in enumerate(items if isinstance(items, list) else [])
        ]

    def _check_allowed(self, name: str, declared: Declared) -> None:
        allowed = declared.decorators.get("allowed")
        if allowed is None or name not in self._given or isinstance(self._given[name], Later):
            return
        choices = self.value(allowed.named_children[1].named_children[0], {})
        if self._given[name] not in choices:
            self._problem(declared.node, f"{name} may not be {self._given[name]!r}")

    def _problem(self, node: Node, text: str) -> None:
        self._found.problems.append(f"{self._file.line_of(node)}: {text}")
