"""The function app: finds its functions and checks what each declares, before any message is taken.

The checks are those of the Python worker in Azure (azure_functions_runtime.functions), so that what loads here
loads there.
"""

import importlib
import inspect
import logging
import sys
import traceback
import typing
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import azure.functions as func
from azure.functions.decorators.core import Binding, BindingDirection, DataType
from azure.functions.decorators.function_app import Function

from emulator.functions_host.errors import AppError
from emulator.functions_host.settings import Settings

log = logging.getLogger(__name__)
MODULE = "function_app"
TRIGGER = "queueTrigger"
OUTPUT = "queue"
RETURN = "$return"
CONTEXT = "context"
OUT: int = BindingDirection.OUT.value


@dataclass(frozen=True, slots=True)
class Output:
    """*parameter* is "$return" for what the function returns. *plain*: declared Out[str] or Out[bytes]."""

    parameter: str
    queue: str
    connection: str
    plain: bool


@dataclass(frozen=True, slots=True)
class QueueFunction:
    """One function with a queue trigger. *payload*: what its trigger parameter receives."""

    name: str
    run: Callable[..., object]
    folder: Path
    parameter: str
    queue: str
    connection: str
    outputs: tuple[Output, ...]
    payload: typing.Literal["message", "text", "bytes"]
    wants_context: bool
    is_async: bool


def load_functions(app: Path, settings: Settings) -> list[QueueFunction]:
    """Return the app's queue functions; others are logged and left out. Raises AppError, ConfigurationError.

    Imports function_app.py with the app's folder first on sys.path, as the Python worker does.
    """
    script = app / f"{MODULE}.py"
    if not script.is_file():
        raise AppError(
            f"{script} is missing. --app names the folder of a function app (programming model v2)."
        )
    register = _find_register(_import(app), script)
    try:
        declared = register.get_functions()
    except Exception as exc:
        raise AppError(f"{script} declares its functions wrongly: {exc}") from exc
    functions = [found for one in declared if (found := _read(one, app, settings)) is not None]
    if not functions:
        raise AppError(f"{script} has no function with a queue trigger, so there is nothing to run.")
    return functions


def _import(app: Path) -> ModuleType:
    if str(app) in sys.path:
        sys.path.remove(str(app))
    sys.path.insert(0, str(app))
    sys.modules.pop(MODULE, None)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(MODULE)
    except Exception as exc:  # whatever the app's own code raises
        raise AppError(f"{_place(exc, app)}: {type(exc).__name__}: {exc}") from exc


def _place(error: Exception, app: Path) -> str:
    """Return the app's own line that *error* came from."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}, line {error.lineno}"
    frames = [
        frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename.startswith(str(app))
    ]
    return f"{frames[-1].filename}, line {frames[-1].lineno}" if frames else str(app / f"{MODULE}.py")


def _find_register(module: ModuleType, script: Path) -> func.FunctionRegister:
    found = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    if not found:
        raise AppError(
            f"{script} has no function app at its top level. Write app = func.FunctionApp() there."
        )
    if any(other is not found[0] for other in found):
        raise AppError(f"{script} has more than one function app at its top level; Azure takes exactly one.")
    return found[0]


def _read(declared: Function, app: Path, settings: Settings) -> QueueFunction | None:
    name = str(declared.get_function_name())
    trigger = declared.get_trigger()
    if trigger is None:
        raise AppError(f"The function {name} has no trigger.")
    if trigger.type != TRIGGER:
        log.warning("function.left_out", extra={"function": name, "trigger": trigger.type})
        return None
    if (settings.get(f"AzureWebJobs.{name}.Disabled") or "").lower() in ("true", "1"):
        log.warning("function.disabled", extra={"function": name})
        return None
    if declared.get_settings_dict("retry_policy"):
        log.warning("function.retry_policy_ignored", extra={"function": name})
    run = declared.get_user_function()
    others = [binding for binding in declared.get_bindings() if binding is not trigger]
    _check_bindings(name, others)
    annotations = _annotations(name, run)
    wants_context = _check_parameters(name, run, annotations, [trigger, *others])
    return QueueFunction(
        name=name,
        run=run,
        folder=Path(inspect.getfile(run)).parent if inspect.isfunction(run) else app,
        parameter=trigger.name,
        queue=_queue_name(name, trigger, settings),
        connection=_connection(name, trigger, settings),
        outputs=tuple(
            Output(
                one.name,
                _queue_name(name, one, settings),
                _connection(name, one, settings),
                plain=typing.get_args(annotations.get(one.name)) in ((str,), (bytes,)),
            )
            for one in others
        ),
        payload=_payload(trigger, annotations),
        wants_context=wants_context,
        is_async=inspect.iscoroutinefunction(run),
    )


def _check_bindings(name: str, others: list[Binding]) -> None:
    for binding in others:
        if binding.type != OUTPUT or binding.direction != OUT:
            raise AppError(
                f"The function {name} binds {binding.name} to {binding.type}. This host knows the queue trigger "
                "and queue outputs; run the app with Core Tools for anything else."
            )


def _annotations(name: str, run: Callable[..., object]) -> dict[str, object]:
    try:
        return typing.get_type_hints(run)
    except (NameError, TypeError) as exc:
        raise AppError(f"The function {name} has an annotation that cannot be resolved: {exc}") from exc


def _check_parameters(
    name: str, run: Callable[..., object], annotations: dict[str, object], bindings: list[Binding]
) -> bool:
    """Return whether *run* wants the invocation context. Raises AppError when parameters and bindings differ."""
    parameters = set(inspect.signature(run).parameters)
    bound = {binding.name for binding in bindings} - {RETURN}
    wants_context = CONTEXT in parameters - bound
    if wants_context:
        kind = annotations.get(CONTEXT, func.Context)
        if getattr(kind, "__name__", None) != "Context":
            raise AppError(f"The function {name} annotates context with {kind!r}; write func.Context.")
        parameters.discard(CONTEXT)
    if unbound := sorted(parameters - bound):
        raise AppError(f"The function {name} has parameters without a binding: {', '.join(unbound)}.")
    if missing := sorted(bound - parameters):
        raise AppError(f"The function {name} has bindings without a parameter: {', '.join(missing)}.")
    for binding in bindings:
        if binding.name in annotations:
            _check_annotation(name, binding, annotations[binding.name])
    return wants_context


def _check_annotation(name: str, binding: Binding, annotation: object) -> None:
    origin = typing.get_origin(annotation) or annotation
    is_out = isinstance(origin, type) and origin.__name__ == "Out"
    if binding.direction == OUT and binding.name != RETURN and not is_out:
        raise AppError(
            f"The function {name}: the output {binding.name} must be annotated func.Out[str] or like it."
        )
    if binding.direction != OUT and is_out:
        raise AppError(f"The function {name}: {binding.name} comes in, so it cannot be annotated func.Out.")
    if binding.direction != OUT:
        known = isinstance(annotation, type) and (
            annotation in (str, bytes) or issubclass(annotation, func.QueueMessage)
        )
        if not known:
            raise AppError(
                f"The function {name}: {binding.name} is annotated {annotation!r}; "
                "a queue trigger gives func.QueueMessage, str or bytes."
            )


def _payload(trigger: Binding, annotations: dict[str, object]) -> typing.Literal["message", "text", "bytes"]:
    if annotations.get(trigger.name) not in (str, bytes):
        return "message"
    return "bytes" if trigger.data_type == DataType.BINARY.value else "text"


def _queue_name(name: str, binding: Binding, settings: Settings) -> str:
    where = f"The function {name}: the queue of {binding.name}"
    return settings.expand(str(binding.get_dict_repr().get("queueName", "")), where)


def _connection(name: str, binding: Binding, settings: Settings) -> str:
    where = f"The function {name}: the connection of {binding.name}"
    return settings.expand(str(binding.get_dict_repr().get("connection") or ""), where)
