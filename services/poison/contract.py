"""Does a call meet the tool's own JSON schema? Schemas come from agents that anybody may have made: nothing is fetched,
nothing can take long, and what is not checked is said. Pure.
"""

import functools
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from services.agents.backend import QueueFunction
from services.models import FunctionTool

Source = Literal["agent", "catalogue"]
MOST_PROBLEMS = 10
LONGEST_PROBLEM = 240
LARGEST_SCHEMA = 64 * 1024
UNCHECKED = (  # patterns of strangers can take for ever, references can be endless or lead elsewhere
    "pattern",
    "patternProperties",
    "$ref",
    "$dynamicRef",
    "$recursiveRef",
    "unevaluatedProperties",
    "unevaluatedItems",
)


@dataclass(frozen=True, slots=True)
class Contract:
    """*source*: whose words the schema is, the definition of an agent or the catalogue."""

    tool: str
    schema: Mapping[str, object]
    source: Source


@dataclass(frozen=True, slots=True)
class Verdict:
    """*problems*: in words, empty when there are none. *unchecked*: the schema's rules that were left out."""

    problems: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def contract_of(
    queue: str, functions: tuple[QueueFunction, ...], catalogue: tuple[FunctionTool, ...]
) -> Contract | None:
    """Return the contract of the tool that reads *queue*: that of the newest agent which carries it, else the
    catalogue's; None when neither knows the queue."""
    for function in functions:
        if function.input.queue == queue:
            return Contract(function.name, function.parameters, "agent")
    for tool in catalogue:
        if tool.input_queue == queue:
            return Contract(tool.name, tool.parameters, "catalogue")
    return None


def check(arguments: Mapping[str, object], schema: Mapping[str, object]) -> Verdict:
    """Return what is wrong with *arguments* by *schema*. Never fails: a schema that is none checks nothing, and says so."""
    import jsonschema  # takes a tenth of a second, and most messages are never judged

    try:
        if len(json.dumps(schema)) > LARGEST_SCHEMA:
            return Verdict(unchecked=("the schema: it is too large",))
        validator = _validator()
        validator.check_schema(schema)
        found = validator(schema, registry=_registry())
        problems = [
            _words(error)
            for _, error in zip(range(MOST_PROBLEMS), found.iter_errors(arguments), strict=False)
        ]
    except jsonschema.SchemaError as error:
        return Verdict(unchecked=(f"the schema: it is not valid ({_short(str(error.message))})",))
    except (ValueError, TypeError, RecursionError, KeyError, AttributeError) as error:
        return Verdict(unchecked=(f"the schema: it cannot be used ({type(error).__name__})",))
    return Verdict(tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(_left_out(schema))))


@functools.cache
def _validator() -> Any:  # jsonschema makes its classes at run time
    from jsonschema import Draft202012Validator, validators

    def skip(*_: object) -> None:
        return None

    def additional(validator: Any, wanted: object, instance: object, schema: Mapping[str, object]) -> Any:
        if "patternProperties" in schema:
            return None
        return Draft202012Validator.VALIDATORS["additionalProperties"](validator, wanted, instance, schema)

    rules = {**dict.fromkeys(UNCHECKED, skip), "additionalProperties": additional}
    return validators.extend(Draft202012Validator, rules)


def _registry() -> Any:
    """Return a registry that knows no schema and fetches none: the library's own would open addresses."""
    from referencing import Registry

    return Registry()


def _words(error: Any) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    return _short(f"{place}: {error.message}" if place else str(error.message))


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= LONGEST_PROBLEM else flat[: LONGEST_PROBLEM - 1] + "…"


def _left_out(schema: object, depth: int = 0) -> Iterator[str]:
    """Yield the rules of *schema* that are not checked. What `properties` names are no rules."""
    if depth > 50:
        return
    if isinstance(schema, Mapping):
        for name, value in schema.items():
            if name in UNCHECKED:
                yield name
            elif name in ("properties", "$defs", "definitions", "dependentSchemas") and isinstance(
                value, Mapping
            ):
                for one in value.values():
                    yield from _left_out(one, depth + 1)
            elif name not in ("enum", "const", "default", "examples"):
                yield from _left_out(value, depth + 1)
    elif isinstance(schema, list):
        for one in schema:
            yield from _left_out(one, depth + 1)
