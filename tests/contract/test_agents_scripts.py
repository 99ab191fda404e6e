"""Scripts as people have them: environment variables alone, DefaultAzureCredential, no word of Local Azure."""

import os
import subprocess
import sys

from tests.contract.agents_support import Lab, call, calls, say

SCRIPT = """
import os
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import AzureFunctionStorageQueue, AzureFunctionTool, ConnectedAgentTool
from azure.identity import DefaultAzureCredential
from azure.storage.queue import QueueServiceClient

credential = DefaultAzureCredential()
endpoint = os.environ["STORAGE_SERVICE_ENDPOINT"]
with QueueServiceClient(endpoint, credential=credential) as queues:
    for queue in ("azure-function-foo-input", "azure-function-foo-output"):
        queues.create_queue(queue)
client = AgentsClient(endpoint=os.environ["PROJECT_ENDPOINT"], credential=credential)
with client:
    tool = AzureFunctionTool(
        name="foo",
        description="Get answers from the foo bot.",
        parameters={"type": "object", "properties": {"query": {"type": "string"}}},
        input_queue=AzureFunctionStorageQueue(
            queue_name="azure-function-foo-input", storage_service_endpoint=endpoint
        ),
        output_queue=AzureFunctionStorageQueue(
            queue_name="azure-function-foo-output", storage_service_endpoint=endpoint
        ),
    )
    model = os.environ["MODEL_DEPLOYMENT_NAME"]
    helper = client.create_agent(model=model, name="foo-agent", instructions="Know.", tools=tool.definitions)
    main = client.create_agent(
        model=model,
        name="main",
        instructions="Delegate.",
        tools=ConnectedAgentTool(id=helper.id, name="foo_agent", description="Knows foo.").definitions,
    )
    thread = client.threads.create()
    client.messages.create(thread_id=thread.id, role="user", content="What would foo say?")
    run = client.runs.create_and_process(thread_id=thread.id, agent_id=main.id, polling_interval=0)
    print(run.status)
    for message in client.messages.list(thread_id=thread.id):
        for block in message.text_messages:
            print(f"{message.role}: {block.text.value}")
    client.delete_agent(main.id)
    client.delete_agent(helper.id)
    client.threads.delete(thread.id)
"""


def test_a_stock_script_runs_with_environment_variables_alone(lab: Lab) -> None:
    """What anybody wrote for Azure runs here unmodified, sign-in included."""
    lab.model.plays("Delegate.", calls(call("foo_agent", query="foo?")), say("Foo knows."))
    lab.model.plays("Know.", say("I know."))
    environment = {"PATH": os.environ["PATH"], **lab.emulator.environment()}

    ended = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.splitlines() == [
        "RunStatus.COMPLETED",
        "MessageRole.AGENT: Foo knows.",
        "MessageRole.USER: What would foo say?",
    ]
    assert list(lab.client.list_agents()) == []
    assert list(lab.client.threads.list()) == []
