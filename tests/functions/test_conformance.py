"""Our Functions host calls an app as Microsoft's own Python worker does.

Both engines load the same app and get the same messages, each in a process of its own. Microsoft's is the package
azure-functions-runtime, installed apart from the application (requirements-conformance.txt says how).
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.functions.engines import Call, Result
from tests.functions.hosting import write_app

ROOT = Path(__file__).parents[2]
MICROSOFT = Path(sys.prefix) / "conformance"
INSTALL = (
    "uv pip install --no-deps --python-version 3.13 --require-hashes "
    f"--target {MICROSOFT} -r requirements-conformance.txt"
)

EVERY_STYLE = """
import json
import typing
import azure.functions as func

app = func.FunctionApp()

def seen(msg):
    return [type(msg).__name__, msg.id, msg.get_body().decode(), msg.dequeue_count, msg.pop_receipt,
            msg.insertion_time.isoformat(), msg.expiration_time.isoformat(), msg.time_next_visible.isoformat()]

@app.queue_trigger("msg", queue_name="a", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def message(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(json.dumps(seen(msg)))

@app.queue_trigger("msg", queue_name="b", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def bare(msg, out):
    out.set(json.dumps(seen(msg)))

@app.queue_trigger("text", queue_name="c", connection="STORE")
@app.queue_output("$return", queue_name="r", connection="STORE")
def text(text: str) -> str:
    return json.dumps([type(text).__name__, text])

@app.function_name("renamed")
@app.queue_trigger("msg", queue_name="d", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def contextual(msg: func.QueueMessage, out: func.Out[str], context: func.Context) -> None:
    out.set(json.dumps([context.function_name, context.invocation_id, context.function_directory,
                        context.trace_context.trace_parent, context.trace_context.trace_state,
                        dict(context.trace_context.attributes), context.retry_context.retry_count,
                        context.thread_local_storage.invocation_id]))

@app.queue_trigger("msg", queue_name="e", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
async def asynchronous(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(msg.get_body().decode().upper())

@app.queue_trigger("msg", queue_name="f", connection="STORE")
@app.queue_output("one", queue_name="r", connection="STORE")
@app.queue_output("two", queue_name="s", connection="STORE")
@app.queue_output("three", queue_name="t", connection="STORE")
def several(msg: func.QueueMessage, one: func.Out[typing.List[str]], two: func.Out[bytes], three: func.Out[str]) -> None:
    one.set(["x", "ü"])
    two.set(b"raw")

@app.queue_trigger("msg", queue_name="g", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def carrier(msg: func.QueueMessage, out: func.Out[func.QueueMessage]) -> None:
    out.set(func.QueueMessage(id="1", body="carried"))

@app.queue_trigger("msg", queue_name="h", connection="STORE")
def raising(msg: func.QueueMessage) -> None:
    raise KeyError("nothing")

@app.queue_trigger("msg", queue_name="i", connection="STORE")
@app.queue_output("$return", queue_name="r", connection="STORE")
def silent(msg: func.QueueMessage) -> str:
    return None

@app.queue_trigger("msg", queue_name="j", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def number(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(12)

@app.queue_trigger("msg", queue_name="k", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def document(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set({"a": [1, None]})

@app.queue_trigger("msg", queue_name="l", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def listed(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set(["a", {"b": 1}])

@app.queue_trigger("msg", queue_name="m", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def set_of(msg: func.QueueMessage, out: func.Out[str]) -> None:
    out.set({1, 2})

@app.queue_trigger("msg", queue_name="n", connection="STORE")
@app.queue_output("out", queue_name="r", connection="STORE")
def mixed(msg: func.QueueMessage, out: func.Out[typing.List[str]]) -> None:
    out.set(["a", 1])
"""

STYLES = (
    *("message", "bare", "text", "renamed", "asynchronous", "several", "carrier", "raising", "silent"),
    *("number", "document", "listed", "set_of", "mixed"),
)

HEAD = """
import azure.functions as func
app = func.FunctionApp()
@app.queue_trigger("msg", queue_name="a", connection="STORE")
"""


@pytest.fixture(scope="module", autouse=True)
def microsoft() -> None:
    """Without Microsoft's engine there is nothing to compare with: CI fails then, a developer is told."""
    if (MICROSOFT / "azure_functions_runtime").is_dir():
        return
    message = f"Microsoft's worker engine is not installed. Run: {INSTALL}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def run(engine: str, app: Path, calls: Iterable[Call]) -> Result:
    """Return what *engine* answers, from a process of its own."""
    paths = [str(ROOT), *([str(MICROSOFT)] if engine == "microsoft" else [])]
    done = subprocess.run(
        [sys.executable, "-m", "tests.functions.engines", engine],
        input=json.dumps({"app": str(app), "calls": [asdict(call) for call in calls]}),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=app,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


def test_functions_of_every_style_are_called_alike(tmp_path: Path) -> None:
    """Parameters, message fields, context, outputs, returns and failures: one result per function, twice."""
    app = write_app(tmp_path / "app", EVERY_STYLE)
    calls = [Call(name, "grüße {}", dequeue_count=2) for name in STYLES]

    theirs, ours = run("microsoft", app, calls), run("ours", app, calls)

    assert list(theirs) == ["results"]
    assert ours == theirs


def test_the_function_app_answers_alike_under_both_engines() -> None:
    """What is published is what was tested here."""
    questions = [
        ("foo", {"query": "the most prevalent element in the universe", "CorrelationId": "1"}),
        ("foo", {"query": 7, "CorrelationId": "2"}),
        (
            "foo",
            {"query": "capital of France", "outputqueueuri": "https://x.example/q", "CorrelationId": "3"},
        ),
        ("calculate", {"function_args": {"expression": "(12.5 + 7) * 3"}, "CorrelationId": 4}),
        ("calculate", {"expression": "1/0", "CorrelationId": "5"}),
        ("order_status", {"order_id": "A-1007", "CorrelationId": "6"}),
        ("order_status", {"order_id": "A-1007"}),
    ]
    calls = [Call(name, json.dumps(body)) for name, body in questions]

    theirs, ours = run("microsoft", ROOT / "functions", calls), run("ours", ROOT / "functions", calls)

    assert ours == theirs
    results = ours["results"]
    assert isinstance(results, list)
    assert "hydrogen" in results[0]["outputs"]["reply"][0]
    assert "UnanswerableError" in results[-1]["error"]


@pytest.mark.parametrize(
    "source",
    [
        HEAD + "def run() -> None: ...\n",
        HEAD + "def run(msg: func.QueueMessage, more: str) -> None: ...\n",
        HEAD + "def run(msg: int) -> None: ...\n",
        HEAD + "def run(msg: func.Out[str]) -> None: ...\n",
        HEAD + "def run(msg: func.QueueMessage, context: int) -> None: ...\n",
        HEAD + '@app.queue_output("out", queue_name="r", connection="STORE")\n'
        "def run(msg: func.QueueMessage, out: str) -> None: ...\n",
        HEAD + "def run(msg: func.QueueMessage) -> None: ...\nother = func.FunctionApp()\n",
        "import azure.functions as func\n",
        "import nothing_of_this_name\n",
    ],
    ids=[
        "no parameter",
        "unbound",
        "type",
        "in as out",
        "context",
        "out as text",
        "two apps",
        "no app",
        "import",
    ],
)
def test_an_app_that_azure_refuses_is_refused_here(tmp_path: Path, source: str) -> None:
    """Otherwise it would work on the laptop and fail after the deployment."""
    app = write_app(tmp_path / "app", source)

    assert list(run("microsoft", app, [])) == ["error"]
    assert list(run("ours", app, [])) == ["error"]
