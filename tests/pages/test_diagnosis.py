"""The diagnosis above a trace: by itself where a run takes too long, on demand for any other."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from azure.ai.agents import AgentsClient
from azure.ai.agents.models import ThreadRun
from azure.storage.queue import QueueServiceClient
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.clients import LocalCredential
from services.models import Answer, Problem
from services.monitor.stitch import of_answer
from tests.contract.agents_support import function_tool
from tests.pages.conftest import Open, answer_on, diagnosis_on, words
from tests.pages.test_trace import opened
from tests.waiting import wait_for
from ui import formats, trace_diagnosis

pytestmark = pytest.mark.usefixtures("without_workspace")
TOOL, IN, OUT = "oracle", "azure-function-oracle-input", "azure-function-oracle-output"


@dataclass
class Oracle:
    """Somebody else's agent, whose function nobody runs."""

    agents: AgentsClient
    queues: QueueServiceClient
    endpoint: str
    made: list[tuple[str, str]] = field(default_factory=list)

    def ask(self) -> ThreadRun:
        """Return a run that waits for the function, once its call lies in the queue."""
        tool = function_tool(self.endpoint, TOOL)
        agent = self.agents.create_agent(
            model="gpt-4o", name="seer", instructions="Ask the oracle.", tools=tool.definitions
        )
        thread = self.agents.threads.create()
        self.made.append((thread.id, agent.id))
        self.agents.messages.create(thread.id, role="user", content="Get answers from the oracle: why?")
        run = self.agents.runs.create(thread.id, agent_id=agent.id)

        def waits() -> ThreadRun | None:
            now = self.agents.runs.get(thread.id, run.id)
            return now if now.status == "requires_action" else None

        waiting = wait_for(waits)
        wait_for(lambda: self.queues.get_queue_client(IN).peek_messages() or None)
        return waiting


@pytest.fixture
def oracle(control: Control) -> Iterator[Oracle]:
    found = control.azure.connection
    credential = LocalCredential(found.token)
    queues = QueueServiceClient(
        found.storage_endpoint, credential, connection_verify=found.ca_file, retry_total=0
    )
    agents = AgentsClient(found.project_endpoint, credential, connection_verify=found.ca_file)
    names = (IN, OUT, f"{IN}-poison")
    for name in names:
        queues.create_queue(name)
    with agents, queues:
        oracle = Oracle(agents, queues, found.storage_endpoint)
        yield oracle
        for thread_id, agent_id in oracle.made:  # whoever follows their runs lets go
            agents.threads.delete(thread_id)
            agents.delete_agent(agent_id)
        for name in names:
            queues.delete_queue(name)


@pytest.fixture
def impatient(without_workspace: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Any open run takes too long."""
    running = runtime.current()
    hasty = diagnosis_on(running.services, None, fallback_s=0.0)
    monkeypatch.setattr(running, "services", replace(running.services, diagnosis=hasty))


def buttons(at: AppTest) -> set[str]:
    return {button.key for button in at.button if button.key}


@pytest.mark.usefixtures("impatient")
def test_an_open_run_that_takes_too_long_is_diagnosed_by_itself(oracle: Oracle) -> None:
    run = oracle.ask()
    at = opened(run=run.id, thread=run.thread_id)
    told = words(at).replace("\\", "")

    assert "Diagnosis: nothing is wrong yet" in told
    assert "Diagnosed by itself: under way for longer than" in told
    assert f"It still waits in {IN}" in told
    assert told.count("**Picked up**") == 1, "the lights stand there once"
    assert "trace-diagnose" not in buttons(at)


def test_an_open_run_within_its_time_is_not_diagnosed_unless_somebody_asks(oracle: Oracle) -> None:
    run = oracle.ask()
    at = opened(run=run.id, thread=run.thread_id)
    assert "Diagnosis:" not in words(at)
    at.button(key="trace-diagnose").click().run()

    assert "Diagnosis: nothing is wrong yet" in words(at)
    assert at.query_params["diagnose"] in ("yes", ["yes"])
    assert "trace-diagnose" not in buttons(at)
    at.button(key="diagnosis-close").click().run()
    assert "Diagnosis:" not in words(at)


def asked_since(control: Control, number: int) -> list[object]:
    """Return what was asked for that only a diagnosis asks for; the sampler peeks into queues by itself."""
    names = ("foundry.get_run", "foundry.list_run_steps")
    return [seen["operation"] for seen in control.requests(number) if seen["operation"] in names]


def test_any_finished_run_can_be_diagnosed_and_drawing_it_again_sends_nothing(
    open_page: Open, control: Control
) -> None:
    page = open_page()
    page.chat_input(key="question").set_value("What is 6 * 7?").run()
    answer = answer_on(page)
    at = opened(run=answer.run_id, thread=answer.thread_id, diagnose="yes")
    last = control.last_request()
    at.run()
    at.segmented_control(key="show").set_value("Raw").run()

    assert "Diagnosis: nothing is stuck" in words(at)
    assert asked_since(control, last) == []


def test_what_others_wrote_is_drawn_as_text(oracle: Oracle) -> None:
    """The id in a reply is anybody's text."""
    run = oracle.ask()
    with oracle.queues.get_queue_client(IN) as queue:
        message = queue.receive_message()
        assert message is not None
        queue.delete_message(message)
    reply = {"Value": "42", "CorrelationId": "<img src=x> :red[no] $x$"}
    with oracle.queues.get_queue_client(OUT) as queue:
        queue.send_message(base64.b64encode(json.dumps(reply).encode()).decode())

    at = opened(run=run.id, thread=run.thread_id, diagnose="yes")

    def named() -> str:
        at.button(key="diagnosis-again").click().run()
        told = words(at)
        return told if "CorrelationId" in told else ""

    told = wait_for(named, timeout_s=20, every_s=0.5)
    assert r"\<img src\=x\> \:red\[no\] \$x\$" in told


def test_queues_that_may_not_be_looked_into_are_told_without_losing_the_rest(
    oracle: Oracle, control: Control
) -> None:
    run = oracle.ask()
    denied = "AuthorizationPermissionMismatch"  # for all who look, the sampler too
    control.fail(operation="queues.peek_messages", status=403, code=denied, times=100)
    at = opened(run=run.id, thread=run.thread_id, diagnose="yes")
    control.clear_faults()
    told = words(at).replace("\\", "")

    assert "Diagnosis: something is wrong" in told
    assert "Storage Queue Data Reader" in told
    assert "**Run advanced**" in told


def test_a_question_without_a_run_is_told_what_holds_its_conversation(oracle: Oracle) -> None:
    """A question that waits has a conversation and no run yet: the address holds the thread alone."""
    run = oracle.ask()
    at = opened(thread=run.thread_id)
    told = words(at).replace("\\", "")

    assert f"Another run ({run.id}, requires_action" in told
    assert "Which answer?" in told
    at.button(key="diagnosis-holder").click().run()
    assert at.query_params["run"] in (run.id, [run.id])
    assert f"It still waits in {IN}" in words(at).replace(chr(92), "")


@pytest.mark.parametrize(
    ("age_s", "code", "due"), [(130, "deadline", True), (700, "deadline", False), (130, "expired", False)]
)
def test_a_run_that_is_not_watched_any_more_may_still_be_open(age_s: float, code: str, due: bool) -> None:
    """Another program's run is followed for two minutes, and lives for ten."""
    problem = Problem("The run is still open", "", "", "", "", retry_safe=False, code=code)
    asked_at = formats.now() - timedelta(seconds=age_s)
    answer = Answer("ans_1", "why?", "failed", run_id="run_1", asked_at=asked_at, problem=problem)

    assert trace_diagnosis.may_be_open(of_answer(answer, None, has_workspace=False)) == due
