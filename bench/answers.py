"""How fast an answer is: against the original script's procedure, and against its own bare HTTP calls.

Local Azure and the functions host run as processes of their own, the model takes no time, rounds are interleaved.

original  azure-ai-agents as the script used it: create both agents, thread and message, create_and_process at its
          default polling of 1 s, list the messages; then delete everything. Its clock stops when the text is there,
          so the deleting is not held against it; it has no first token before its last.
ours      AnswerService, warm, pooled team, a new thread each time, from ask() to the first token and to the answer.
          The clock runs inside the process: the figure is the answer's own, as the page shows it.
bare      the answer's own requests with the same bodies over one kept http.client connection: the record of the intent,
          create thread, create run with its stream read to the end, update run. The looks at steps and queues that
          run beside an answer with a function are left out, which makes its goal harder. `awaited` leaves update run
          out too: a person does not wait for it.

What it does not measure: Azure's network and models, pages, many questions at once.
"""

import http.client
import json
import ssl
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from azure.ai.agents import AgentsClient
from azure.ai.agents.models import (
    AzureFunctionStorageQueue,
    AzureFunctionTool,
    ConnectedAgentTool,
    MessageRole,
)

import runtime
from bench.report import emit, header
from emulator.connection import Connection
from emulator.supervisor import LocalOptions, attach_or_start
from services.agents.catalogue import CATALOGUE, instructions_for
from services.audit.keys import GENESIS, Keys
from services.audit.record import Draft, chained
from services.clients import LocalCredential

ROUNDS, PAIRS, WARM_UP = 9, 6, 5
PLAIN = "Good morning!"
FUNCTION = "What would foo say about the most prevalent element in the universe?"
FIRST_TOKEN_GOAL, END_GOAL, BARE_GOAL = 40.0, 8.0, 2.0
Timing = tuple[
    float, float
]  # ours, original: seconds to the first token and to the end; bare: awaited and all


def main() -> int:
    header("answers", rounds=ROUNDS)
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "state"
        azure = attach_or_start(LocalOptions(state))
        started = runtime.start({"RELAYDECK_STATE_DIR": str(state)})
        try:
            started.wait_warm()
            return 0 if measure(started, azure.connection) else 1
        finally:
            started.close()
            azure.stop()


def measure(started: runtime.Runtime, connection: Connection) -> bool:
    """Print all figures; return whether each reaches its goal."""
    reached = []
    for name, question in (("plain", PLAIN), ("function", FUNCTION)):
        bare = Bare(connection, started)
        original, ours, floor = list[Timing](), list[Timing](), list[Timing]()
        for _ in range(WARM_UP):
            pair(started, bare, question, 0)
        for _ in range(ROUNDS):
            original.append(original_s(connection, question))
            pair(started, bare, question, 0)  # after the original's sleep everything is cold
            for number in range(PAIRS):
                mine, theirs = pair(started, bare, question, number)
                ours.append(mine)
                floor.append(theirs)
        bare.close()
        reached += report(name, original, ours, floor)
    return all(reached)


def pair(started: runtime.Runtime, bare: "Bare", question: str, number: int) -> tuple[Timing, Timing]:
    """Return our timing and the bare calls', one right after the other, the first one in turns."""
    if number % 2:
        theirs = bare.ask_s(question)
        return ours_s(started, question), theirs
    mine = ours_s(started, question)
    return mine, bare.ask_s(question)


def report(name: str, original: list[Timing], ours: list[Timing], floor: list[Timing]) -> list[bool]:
    original_end_s = statistics.median(end_s for _, end_s in original)
    first = [original_end_s / first_s for first_s, _ in ours]
    end = [original_end_s / end_s for _, end_s in ours]
    plain = name == "plain"
    milliseconds: tuple[tuple[str, list[float]], ...] = (
        ("original.end", [one[1] for one in original]),
        ("ours.first_token", [one[0] for one in ours]),
        ("ours.end", [one[1] for one in ours]),
        ("bare.awaited_calls", [one[0] for one in floor]),
        ("bare.all_calls", [one[1] for one in floor]),
    )
    for figure, samples in milliseconds:
        in_ms = [sample * 1000 for sample in samples]
        emit(f"answers.{name}.{figure}", statistics.median(in_ms), "ms", None, in_ms)
    to_awaited = [mine[1] / bare[0] for mine, bare in zip(ours, floor, strict=True)]
    emit(
        f"answers.{name}.end_to_awaited_bare_calls", statistics.median(to_awaited), "ratio", None, to_awaited
    )
    to_bare = [mine[1] / bare[1] for mine, bare in zip(ours, floor, strict=True)]
    return [
        emit(
            f"answers.{name}.first_token_against_original",
            statistics.median(first),
            "times faster",
            FIRST_TOKEN_GOAL if plain else None,
            first,
        ),
        emit(
            f"answers.{name}.end_against_original",
            statistics.median(end),
            "times faster",
            None if plain else END_GOAL,
            end,
        ),
        emit(
            f"answers.{name}.end_to_bare_calls",
            statistics.median(to_bare),
            "ratio",
            BARE_GOAL,
            to_bare,
            lower_is_better=True,
        ),
    ]


def original_s(connection: Connection, question: str) -> Timing:
    """Return how long the original's procedure takes until its text is there; then take everything away again."""
    credential = LocalCredential(connection.token)
    with AgentsClient(
        connection.project_endpoint, credential, connection_verify=connection.ca_file
    ) as client:
        client.list_agents(limit=1).next()  # its connection is open, as ours is
        started_s = time.perf_counter()
        tool = next(tool for tool in CATALOGUE if tool.name == "foo")
        function = AzureFunctionTool(
            name=tool.name,
            description=tool.description,
            parameters=dict(tool.parameters),
            input_queue=AzureFunctionStorageQueue(
                queue_name=tool.input_queue, storage_service_endpoint=connection.storage_endpoint
            ),
            output_queue=AzureFunctionStorageQueue(
                queue_name=tool.output_queue, storage_service_endpoint=connection.storage_endpoint
            ),
        )
        model = connection.model_deployment
        child = client.create_agent(
            model=model,
            name="azure-function-agent-foo",
            instructions=instructions_for(tool, connection.storage_endpoint),
            tools=function.definitions,
        )
        link = ConnectedAgentTool(id=child.id, name=tool.agent, description=tool.agent_description)
        main_agent = client.create_agent(
            model=model,
            name="main",
            instructions="Use the connected agents to answer questions.",
            tools=link.definitions,
        )
        thread = client.threads.create()
        client.messages.create(thread.id, role=MessageRole.USER, content=question)
        run = client.runs.create_and_process(thread.id, agent_id=main_agent.id)
        text = client.messages.get_last_message_text_by_role(thread.id, MessageRole.AGENT)
        took_s = time.perf_counter() - started_s
        if run.status != "completed" or text is None:
            raise SystemExit(f"The original's procedure ended as {run.status}: {run.last_error}")
        client.delete_agent(main_agent.id)
        client.delete_agent(child.id)
        client.threads.delete(thread.id)
    return took_s, took_s


def ours_s(started: runtime.Runtime, question: str) -> Timing:
    answers = started.services.answers
    asked = answers.ask(question)
    answer = answers.finish(asked.id, 60)
    if answer.state != "answered" or answer.first_token_s is None or answer.took_s is None:
        raise SystemExit(f"Our answer was not one: {answer}")
    answers.drain(5)  # the record of its times must not run into the next sample
    return answer.first_token_s, answer.took_s


class Bare:
    """The requests of an answer, without an SDK and without anything around them."""

    def __init__(self, connection: Connection, started: runtime.Runtime) -> None:
        parts = urlsplit(connection.project_endpoint)
        context = ssl.create_default_context(cafile=connection.ca_file)
        self._http = http.client.HTTPSConnection(parts.hostname or "", parts.port, context=context)
        self._path, self._token = parts.path, connection.token
        self._agent_id = started.services.team.orchestrator().id
        self._table = f"/dataCollectionRules/{connection.audit_rule}/streams/{connection.audit_stream}"
        self._rows = [_intent()]
        self._marks = {"relaydeck": "pooled", "environment": "local", "opid": "op_bench", "title": PLAIN}

    def ask_s(self, question: str) -> Timing:
        started_s = time.perf_counter()
        self._record()
        with self._post("/threads", {"metadata": self._marks}) as reply:
            thread_id = json.load(reply)["id"]
        message = {"role": "user", "content": question, "metadata": self._marks}
        body = {
            "assistant_id": self._agent_id,
            "additional_messages": [message],
            "metadata": self._marks,
            "stream": True,
        }
        with self._post(f"/threads/{thread_id}/runs", body) as reply:
            frames = reply.read().decode()
        awaited_s = time.perf_counter() - started_s
        run_id = json.loads(frames.partition("data: ")[2].partition("\n")[0])["id"]
        with self._post(f"/threads/{thread_id}/runs/{run_id}", {"metadata": self._marks}) as reply:
            reply.read()
        return awaited_s, time.perf_counter() - started_s

    def close(self) -> None:
        self._http.close()

    def _record(self) -> None:
        with self._send(f"{self._table}?api-version=2023-01-01", self._rows, 204) as reply:
            reply.read()

    def _post(self, path: str, body: object) -> http.client.HTTPResponse:
        return self._send(f"{self._path}{path}?api-version=v1", body, 200)

    def _send(self, address: str, body: object, status: int) -> http.client.HTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        self._http.request("POST", address, json.dumps(body), headers)
        reply = self._http.getresponse()
        if reply.status != status:
            raise SystemExit(f"{address} answered {reply.status}: {reply.read()[:200]!r}")
        return reply


def _intent() -> dict[str, object]:
    """Return the row that an answer puts on record before it sends anything."""
    keys, now = Keys(["bench"]), datetime.now(UTC)
    draft = Draft(
        "intent", "act_bench", now, "ask question", "ans_bench", "answer", "local", trace_id="0" * 32
    )
    place = {"environment": "local", "instance": "bench", "version": "1"}
    link = chained(draft, chain="aud_bench", seq=1, prev=GENESIS, key_id=keys.id, place=place)
    return keys.deliver(keys.sign(link), now).row()


if __name__ == "__main__":
    sys.exit(main())
