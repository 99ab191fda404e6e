"""Loading a function app: what Azure's worker would refuse is refused here, with the place."""

from pathlib import Path

import pytest

from emulator.functions_host.app import load_functions
from emulator.functions_host.errors import AppError, ConfigurationError
from emulator.functions_host.settings import Settings
from tests.functions.hosting import write_app

HEAD = "import azure.functions as func\napp = func.FunctionApp()\n"
TRIGGER = '@app.queue_trigger("msg", queue_name="work", connection="STORE")\n'
OUTPUT = '@app.queue_output("out", queue_name="results", connection="STORE")\n'
FUNCTION = "def run(msg: func.QueueMessage) -> None: ...\n"


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import nothing_of_this_name\n", "line 1: ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("x = 1\n\nx = (\n", "line 3: SyntaxError"),
        ("\n1/0\n", "line 2: ZeroDivisionError"),
        ("app = 1\n", "has no function app at its top level"),
        (HEAD + "other = func.FunctionApp()\n" + TRIGGER + FUNCTION, "more than one function app"),
        (HEAD, "no function with a queue trigger"),
        (HEAD + '@app.route(route="x")\ndef run(req: func.HttpRequest) -> str: ...\n', "no function with a queue trigger"),
        (HEAD + TRIGGER + "def run() -> None: ...\n", "bindings without a parameter: msg"),
        (HEAD + TRIGGER + "def run(msg: func.QueueMessage, more: str) -> None: ...\n", "without a binding: more"),
        (HEAD + TRIGGER + "def run(msg: int) -> None: ...\n", "msg is annotated"),
        (HEAD + TRIGGER + "def run(msg: 'Unknown') -> None: ...\n", "cannot be resolved"),
        (HEAD + TRIGGER + "def run(msg: func.Out[str]) -> None: ...\n", "msg comes in"),
        (HEAD + TRIGGER + OUTPUT + "def run(msg: func.QueueMessage, out: str) -> None: ...\n", "func.Out[str]"),
        (HEAD + TRIGGER + "def run(msg: func.QueueMessage, context: int) -> None: ...\n", "write func.Context"),
        (
            HEAD + TRIGGER + '@app.blob_output("out", path="a/b", connection="STORE")\n'
            "def run(msg: func.QueueMessage, out: func.Out[str]) -> None: ...\n",
            "binds out to blob",
        ),
        (HEAD + TRIGGER + FUNCTION + TRIGGER + FUNCTION, "declares its functions wrongly"),
    ],
)  # fmt: skip
def test_an_app_that_cannot_work_is_refused_at_its_line(tmp_path: Path, source: str, error: str) -> None:
    """Azure finds out after the deployment; the local host finds out before the first message."""
    with pytest.raises(AppError) as caught:
        load_functions(write_app(tmp_path / "app", source), Settings({}))

    assert error in str(caught.value)


def test_a_folder_without_an_app_is_refused(tmp_path: Path) -> None:
    """--app names the wrong folder more often than anything else."""
    with pytest.raises(AppError, match=r"function_app.py is missing"):
        load_functions(tmp_path, Settings({}))


def test_a_queue_name_may_come_from_a_setting(tmp_path: Path) -> None:
    """The name is told when the app is loaded, not when the first message fails."""
    app = write_app(tmp_path / "app", HEAD + TRIGGER.replace('"work"', '"work-%STAGE%"') + FUNCTION)
    (function,) = load_functions(app, Settings({"STAGE": "test"}))
    assert function.queue == "work-test"

    with pytest.raises(ConfigurationError, match="the queue of msg uses %STAGE%"):
        load_functions(app, Settings({}))


def test_a_function_can_be_switched_off_as_in_azure(tmp_path: Path) -> None:
    """AzureWebJobs.<name>.Disabled is how a portal does it."""
    app = write_app(tmp_path / "app", HEAD + TRIGGER + FUNCTION + TRIGGER + FUNCTION.replace("run", "second"))

    functions = load_functions(app, Settings({"AzureWebJobs.run.Disabled": "true"}))

    assert [function.name for function in functions] == ["second"]
