"""functions/ as it is published: queues by the convention, settings as designed, nothing from the repository."""

import json
import subprocess
import sys
from pathlib import Path

from emulator.functions_host.app import load_functions
from emulator.functions_host.settings import Settings
from tools.queues import STORAGE, input_queue, max_dequeue_count, output_queue

APP = Path(__file__).parents[2] / "functions"


def test_every_tool_has_the_queues_that_the_convention_gives_it() -> None:
    """Agents find a tool's queues by its name alone."""
    functions = load_functions(APP, Settings({}))

    assert [function.name for function in functions] == ["foo", "calculate", "order_status"]
    for function in functions:
        (output,) = function.outputs
        assert (function.queue, output.queue) == (input_queue(function.name), output_queue(function.name))
        assert function.connection == output.connection == STORAGE


def test_host_json_keeps_an_agent_from_waiting_long() -> None:
    """Three deliveries ten seconds apart end well before a run expires; two seconds is the longest poll."""
    host = json.loads((APP / "host.json").read_text())

    assert host["extensions"]["queues"] == {
        "messageEncoding": "base64",
        "maxPollingInterval": "00:00:02",
        "visibilityTimeout": "00:00:10",
        "batchSize": 16,
        "newBatchThreshold": 8,
        "maxDequeueCount": 3,
    }
    assert host["functionTimeout"] == "00:02:00"
    assert host["extensionBundle"] == {
        "id": "Microsoft.Azure.Functions.ExtensionBundle",
        "version": "[4.*, 5.0.0)",
    }
    assert max_dequeue_count() == 3


def test_the_app_loads_where_only_its_folder_and_azure_functions_exist() -> None:
    """No other import may be needed at start: not the repository, not the SDKs that foo uses now and then."""
    program = (
        "import sys; sys.path[0] = sys.argv[1]\n"
        "import function_app\n"
        "used = {name.partition('.')[0] for name in sys.modules}\n"
        "assert not used & {'services', 'emulator', 'ui', 'requests'}, used\n"
        "assert 'azure.storage.queue' not in sys.modules and 'azure.identity' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(APP)], cwd="/", capture_output=True, text=True, timeout=30
    )

    assert done.returncode == 0, done.stderr
