"""What the tests of the Agent Service share: a model that says what it is told to, clients, a worker."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    Agent,
    AgentThread,
    AzureFunctionStorageQueue,
    AzureFunctionTool,
    ConnectedAgentTool,
    MessageRole,
    ThreadRun,
)
from azure.core.credentials import AccessToken
from azure.storage.queue import QueueServiceClient

from emulator.clock import Clock
from emulator.foundry.store import Record, Store
from emulator.model import CallWanted, ModelError, ModelEvent, ModelRequest, TextPiece, TurnEnded
from emulator.server import Emulator, EmulatorSettings
from tests.waiting import wait_for

MODEL = "gpt-4o"
FOO_IN, FOO_OUT = "azure-function-foo-input", "azure-function-foo-output"
USED = TurnEnded(100, 20)


class Pause:
    """The model thinks until the test lets go of it."""


Moment = ModelEvent | ModelError | Pause
Turn = list[Moment]


def say(text: str, *more: str) -> Turn:
    """A turn that writes its texts piece by piece."""
    return [*map(TextPiece, (text, *more)), USED]


def call(name: str, **arguments: object) -> CallWanted:
    return CallWanted(name, json.dumps(arguments))


def calls(*wanted: CallWanted) -> Turn:
    return [*wanted, TurnEnded(100, 20, "tool_calls")]


Script = list[Turn] | Callable[[ModelRequest], Turn]


class ScriptedModel:
    """Plays, for the agent whose instructions contain a key, its turns in order, one per round of calls."""

    def __init__(self) -> None:
        self.requests: list[ModelRequest] = []
        self._scripts: dict[str, Script] = {}
        self._gate = asyncio.Event()
        self.paused = 0

    def reset(self) -> None:
        self.requests.clear()
        self._scripts.clear()
        self._gate = asyncio.Event()
        self.paused = 0

    def plays(self, key: str, *turns: Turn) -> None:
        self._scripts[key] = list(turns)

    def answers(self, key: str, script: Callable[[ModelRequest], Turn]) -> None:
        self._scripts[key] = script

    def release(self) -> None:
        """Let go of a Pause. Call it on the emulator's thread."""
        self._gate.set()

    def released(self) -> bool:
        return self._gate.is_set()

    async def turn(self, request: ModelRequest) -> AsyncIterator[ModelEvent]:
        self.requests.append(request)
        for moment in self._next(request):
            if isinstance(moment, Pause):
                self.paused += 1
                await self._gate.wait()
            elif isinstance(moment, ModelError):
                raise moment
            else:
                yield moment

    def _next(self, request: ModelRequest) -> Turn:
        for key, script in self._scripts.items():
            if key in request.instructions:
                if not isinstance(script, list):
                    return script(request)
                done = len({finished.round for finished in request.calls})
                return script[done]
        said = request.conversation[-1].text if request.conversation else "nothing"
        return say("You said: ", said)


class StaticCredential:
    """A token that lasts as long as the test."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **_: Any) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


def connect(emulator: Emulator, **options: Any) -> AgentsClient:
    return AgentsClient(
        endpoint=emulator.project_endpoint,
        credential=StaticCredential(emulator.token),
        connection_verify=str(emulator.ca_file),
        **options,
    )


@dataclass
class Lab:
    """A Local Azure whose model the test scripts, and the SDK's client for it."""

    emulator: Emulator
    model: ScriptedModel
    client: AgentsClient
    queues: QueueServiceClient
    http: requests.Session

    def agent(self, instructions: str = "Repeat.", **fields: Any) -> Agent:
        return self.client.create_agent(model=MODEL, name="tested", instructions=instructions, **fields)

    def thread(self, *questions: str) -> AgentThread:
        thread = self.client.threads.create()
        for question in questions:
            self.client.messages.create(thread.id, role="user", content=question)
        return thread

    def start(self, agent: Agent, question: str = "Hello", **fields: Any) -> ThreadRun:
        return self.client.runs.create(self.thread(question).id, agent_id=agent.id, **fields)

    def ask(self, agent: Agent, question: str = "Hello", **fields: Any) -> ThreadRun:
        """Return the run of *question*, ended."""
        return self.client.runs.create_and_process(
            self.thread(question).id, agent_id=agent.id, polling_interval=0, **fields
        )

    def get(self, run: ThreadRun) -> ThreadRun:
        return self.client.runs.get(run.thread_id, run.id)

    def wait(self, run: ThreadRun, *statuses: str) -> ThreadRun:
        """Return the run once it has one of *statuses*."""
        wanted = statuses or ("completed", "failed", "cancelled", "expired", "incomplete")

        def reached() -> ThreadRun | None:
            now = self.get(run)
            return now if now.status in wanted else None

        return wait_for(reached, every_s=0.003)

    def wait_for_pause(self, times: int = 1) -> None:
        wait_for(lambda: self.model.paused >= times, every_s=0.003)

    def release(self) -> None:
        self.emulator.call(self.model.release)

    def answer(self, run: ThreadRun) -> str:
        found = self.client.messages.get_last_message_text_by_role(run.thread_id, MessageRole.AGENT)
        assert found is not None, "the run wrote nothing"
        return str(found.text.value)

    def steps(self, run: ThreadRun) -> list[Any]:
        """Return the run's steps as the wire has them, oldest first."""
        return [step.as_dict() for step in self.client.run_steps.list(run.thread_id, run.id, order="asc")]

    def tool_calls(self, run: ThreadRun) -> list[Any]:
        return [
            tool_call
            for step in self.steps(run)
            if step["type"] == "tool_calls"
            for tool_call in step["step_details"]["tool_calls"]
        ]

    def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes = b"",
        json: Any = None,
        query: str = "",
        version: str = "v1",
    ) -> requests.Response:
        """Send what the SDK would not."""
        given = "&".join(part for part in (f"api-version={version}" if version else "", query) if part)
        return self.http.request(method, f"{url}?{given}", data=body, json=json, timeout=20)

    # Queues and the functions behind them ----------------------------------------------------------

    def function_tool(self, name: str = "foo", **parameters: str) -> AzureFunctionTool:
        """Return a function tool by the naming convention; its queues exist."""
        for direction in ("input", "output"):
            self.queues.create_queue(f"azure-function-{name}-{direction}")
        return function_tool(self.emulator.storage_endpoint, name, **parameters)

    def sent(self, queue: str) -> dict[str, Any]:
        """Take the next call out of *queue*, once there is one, and return it decoded."""
        with self.queues.get_queue_client(queue) as client:

            def receive() -> dict[str, Any] | None:
                message = client.receive_message()
                if message is None:
                    return None
                client.delete_message(message)
                found: dict[str, Any] = json.loads(base64.b64decode(message.content))
                return found

            return wait_for(receive, every_s=0.003)

    def reply(self, queue: str, document: object, **options: Any) -> None:
        self.put(queue, base64.b64encode(json.dumps(document).encode()).decode(), **options)

    def put(self, queue: str, text: str, **options: Any) -> None:
        with self.queues.get_queue_client(queue) as client:
            client.send_message(text, **options)

    def left(self, queue: str) -> list[str]:
        """Return the texts that lie in *queue*."""
        with self.queues.get_queue_client(queue) as client:
            return [message.content for message in client.peek_messages(32)]


def function_tool(endpoint: str, name: str = "foo", **parameters: str) -> AzureFunctionTool:
    described = {key: {"type": "string", "description": text} for key, text in parameters.items()}
    return AzureFunctionTool(
        name=name,
        description=f"Get answers from the {name} bot.",
        parameters={"type": "object", "properties": described or {"query": {"type": "string"}}},
        input_queue=AzureFunctionStorageQueue(
            queue_name=f"azure-function-{name}-input", storage_service_endpoint=endpoint
        ),
        output_queue=AzureFunctionStorageQueue(
            queue_name=f"azure-function-{name}-output", storage_service_endpoint=endpoint
        ),
    )


def connected(agent: Agent, name: str, description: str = "Knows things.") -> Any:
    """Return the definition of *agent* as a tool of another one."""
    return ConnectedAgentTool(id=agent.id, name=name, description=description).definitions[0]


@contextmanager
def open_lab(emulator: Emulator, model: ScriptedModel) -> Iterator[Lab]:
    ca_file = str(emulator.ca_file)
    storage = QueueServiceClient.from_connection_string(emulator.connection_string, connection_verify=ca_file)
    with connect(emulator) as client, storage, requests.Session() as http:
        http.trust_env = False  # a certificate bundle named in the environment would win
        http.verify = ca_file
        http.headers["Authorization"] = f"Bearer {emulator.token}"
        yield Lab(emulator, model, client, storage, http)


def start_foo(lab: Lab, **arguments: object) -> ThreadRun:
    """Return a run that waits for the function foo."""
    tool = lab.function_tool()
    lab.model.plays("Use foo.", calls(call("foo", **(arguments or {"query": "why"}))), say("Foo says so."))
    return lab.wait(lab.start(lab.agent("Use foo.", tools=tool.definitions)), "requires_action", "failed")


class Site:
    """A place for one Local Azure after the other: the same folder, the same ports."""

    def __init__(self, state: Path) -> None:
        self.state, self.model, self.clock = state, ScriptedModel(), Clock()
        self._ports = (0, 0)

    @contextmanager
    def open(self) -> Iterator[Lab]:
        self.model.requests.clear()
        settings = EmulatorSettings(state=self.state, port=self._ports[0], http_port=self._ports[1])
        with Emulator(settings, clock=self.clock, model=self.model) as emulator:
            self._ports = (emulator.port, emulator.http_port)
            with open_lab(emulator, self.model) as lab:
                yield lab

    def edit(self, kind: Any, change: Callable[[Record], Record]) -> None:
        """Change what is stored as a crash at the worst moment would have left it."""
        store = Store(self.state / "foundry.sqlite", self.clock)
        records = [r for (found, _), shelf in store._shelves.items() if found == kind for r in shelf]
        store.save(*map(change, records))
        store.close()
