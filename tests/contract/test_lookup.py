"""Any id to where it is shown: the real services on Local Azure, telemetry as exporters write it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

import runtime
from emulator.faults import Fault
from emulator.server import Emulator
from services.clients import Clients, Endpoints, LocalCredential
from services.errors import InvalidInput
from services.monitor.lookup import Found, LookupService, kind_of
from services.settings_source import load_settings
from tests.contract.monitor_support import Json, envelope, track

ANSWERED, EXECUTED = "a" * 32, "c" * 32
ANSWER = {
    "relaydeck.answer.id": "ans_1",
    "relaydeck.run.id": "run_main",
    "gen_ai.conversation.id": "thread_old",
    "gen_ai.agent.id": "asst_main",
    "gen_ai.agent.name": "main",
}
CHILD = {"relaydeck.run.id": "run_child", "gen_ai.conversation.id": "thread_child"}
CALL = {"gen_ai.tool.call.id": "call_1", "relaydeck.correlation_id": "corr-1"}
MESSAGE = "0f5c8a52-34a0-4f6f-9a65-1f2d5fd0c001"
EXECUTION = {
    "relaydeck.correlation_id": "corr-1",
    "messaging.message.id": MESSAGE,
    "messaging.destination.name": "azure-function-foo-input",
    "relaydeck.invocation.id": "1b671a64-40d5-491e-99b0-da01ff1f3341",
}


@pytest.fixture
def started(emulator: Emulator) -> Iterator[runtime.Runtime]:
    settings = load_settings({}).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        settings.project_endpoint,
        settings.storage_endpoint,
        LocalCredential(emulator.token),
        str(emulator.ca_file),
        logs_endpoint=emulator.url,
        logs_workspace=emulator.workspace_id,
    )
    found = runtime.build(settings, endpoints, now=emulator.clock.now)
    yield found
    found.close()


@pytest.fixture
def lookup(started: runtime.Runtime) -> LookupService:
    return started.services.lookup


@pytest.fixture
def clients(started: runtime.Runtime) -> Clients:
    return started._clients


@pytest.fixture
def told(emulator: Emulator) -> None:
    """Telemetry of one answer; the function's part of it lost its trace context, and one execution belongs to nobody."""
    request = {"duration": "0.00:00:02", "responseCode": "0", "success": True}
    call = {"duration": "0.00:00:01", "success": True, "type": "InProc"}
    items = [
        _item("RequestData", {"name": "answer", "id": "1" * 16, **request, "properties": ANSWER}, ANSWERED),
        _item(
            "RemoteDependencyData",
            {"name": "invoke_agent child", "id": "2" * 16, **call, "properties": CHILD},
            ANSWERED,
        ),
        _item(
            "RemoteDependencyData",
            {"name": "execute_tool foo", "id": "3" * 16, **call, "properties": CALL},
            ANSWERED,
        ),
        _item("RequestData", {"name": "foo", "id": "4" * 16, **request, "properties": EXECUTION}, EXECUTED),
        _item(
            "RequestData",
            {
                "name": "bar",
                "id": "5" * 16,
                **request,
                "properties": {"messaging.message.id": "stray-1", "messaging.destination.name": "bar-input"},
            },
            "d" * 32,
        ),
    ]
    assert track(emulator, items).status == 200


def _item(kind: str, base: Json, operation: str) -> Json:
    return envelope(kind, base, tags={"ai.operation.id": operation, "ai.cloud.role": "relaydeck"})


def asked(emulator: Emulator) -> list[str]:
    return [seen.operation for seen in emulator.requests()]


@pytest.mark.parametrize(
    ("wanted", "run"),
    [
        ("run_main", "run_main"),
        ("run_child", "run_child"),
        ("ans_1", "run_main"),
        ("corr-1", "run_main"),
        (MESSAGE, "run_main"),
        ("1b671a64-40d5-491e-99b0-da01ff1f3341", "run_main"),
        ("call_1", "run_main"),
        (ANSWERED, "run_main"),
        (ANSWERED.upper(), "run_main"),
        (f"00-{ANSWERED}-{'b' * 16}-01", "run_main"),
        ("thread_old", "run_main"),
        ('  "run_main",\n', "run_main"),
    ],
    ids=[
        "run",
        "connected agent's run",
        "answer",
        "correlation",
        "queue message",
        "invocation",
        "call",
        "trace",
        "trace in capitals",
        "traceparent",
        "thread that is gone",
        "in quotes",
    ],
)
@pytest.mark.usefixtures("told")
def test_an_id_that_telemetry_knows_leads_to_its_run(lookup: LookupService, wanted: str, run: str) -> None:
    """A log line, a portal and a message each name another id of the same answer."""
    found = lookup.find(wanted)
    assert (found.place, found.run_id, found.thread_id, found.sure) == ("run", run, "thread_old", True)


@pytest.mark.usefixtures("told")
def test_it_costs_one_request(lookup: LookupService, emulator: Emulator) -> None:
    before = len(asked(emulator))
    lookup.find("corr-1")
    assert asked(emulator)[before:] == ["monitor.query_batch"]


@pytest.mark.usefixtures("told")
def test_a_message_of_nobody_is_told_as_such(lookup: LookupService) -> None:
    found = lookup.find("stray-1")
    assert found.place == "nowhere"
    assert "The function bar took stray-1 from the queue bar-input" in found.words


def test_a_thread_is_asked_of_the_service_first(
    lookup: LookupService, clients: Clients, emulator: Emulator
) -> None:
    thread = clients.agents.threads.create()
    before = len(asked(emulator))
    found = lookup.find(thread.id)
    assert (found.place, found.thread_id) == ("conversation", thread.id)
    assert asked(emulator)[before:] == ["foundry.get_thread"]


def test_a_message_and_a_run_that_telemetry_does_not_know_are_found_in_their_conversation(
    lookup: LookupService, clients: Clients, emulator: Emulator
) -> None:
    """Of a program that sends no telemetry, or seconds after it happened."""
    agent = clients.agents.create_agent(
        model=emulator.settings.model_deployment, name="own", instructions="Say hello."
    )
    for _ in range(3):
        clients.agents.threads.create()
    thread = clients.agents.threads.create()
    message = clients.agents.messages.create(thread.id, role="user", content="Hello")
    run = clients.agents.runs.create(thread.id, agent_id=agent.id)
    clients.agents.threads.create()

    said = lookup.find(message.id)
    assert (said.place, said.thread_id) == ("conversation", thread.id)
    ran = lookup.find(run.id)
    assert (ran.place, ran.run_id, ran.thread_id) == ("run", run.id, thread.id)
    assert lookup.find(f"ans_{run.id}").run_id == run.id


@pytest.mark.usefixtures("told")
def test_an_agent_is_named_and_leads_to_its_latest_answer(
    lookup: LookupService, clients: Clients, emulator: Emulator
) -> None:
    """The answer is not the agent: it is offered, not opened."""
    agent = clients.agents.create_agent(
        model=emulator.settings.model_deployment, name="main", instructions="x"
    )
    found = lookup.find(agent.id)
    assert (found.place, found.run_id, found.sure) == ("run", "run_main", False)
    assert found.agent_id == agent.id
    assert f"{agent.id} is the agent main on {emulator.settings.model_deployment}" in found.words
    assert lookup.find("asst_main").run_id == "run_main", "deleted, but telemetry remembers it"


def test_an_agent_that_nobody_has_asked_is_named(
    lookup: LookupService, clients: Clients, emulator: Emulator
) -> None:
    agent = clients.agents.create_agent(model=emulator.settings.model_deployment, name="idle")
    found = lookup.find(agent.id)
    assert (found.place, found.agent_id) == ("nowhere", agent.id)
    assert "is the agent idle" in found.words and "No run of it" in found.words


def test_a_message_that_still_waits_leads_to_its_queue(lookup: LookupService, clients: Clients) -> None:
    """By its own id or by what it carries; looking leaves it where it is."""
    queue = clients.queues.create_queue("shelf-input")
    sent = queue.send_message('{"x": 1, "CorrelationId": "corr-9"}')
    for wanted in (sent.id, "corr-9"):
        found = lookup.find(wanted)
        assert (found.place, found.queue) == ("queue", "shelf-input"), wanted
    (waiting,) = queue.peek_messages()
    assert waiting.dequeue_count in (None, 0)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("run_nope", "There is no run run_nope in the telemetry of the last 30 days nor in the 20 newest"),
        ("thread_nope", "There is no conversation thread_nope in the agent service nor in the telemetry"),
        ("asst_nope", "There is no agent asst_nope in the agent service nor in the telemetry"),
        ("0" * 32, f"There is no trace {'0' * 32} in the telemetry"),
        ("nope-1", "There is no id nope-1 in the telemetry of the last 30 days nor in the first 32 messages"),
    ],
    ids=["run", "thread", "agent", "trace", "other"],
)
def test_what_is_not_known_is_said_with_where_it_was_looked_for(
    lookup: LookupService, wanted: str, told: str
) -> None:
    found = lookup.find(wanted)
    assert found.words.startswith(told)
    assert (found.place, found.problems) == ("nowhere", ())


@pytest.mark.parametrize(
    "text",
    [
        'run_1" or true //',
        "x'; drop table AppRequests; --",
        "run_1\n| union (AppTraces)",
        "run_1 | take 5",
        "../../etc/passwd",
        "thread_1/../../threads",
        "run_" + "x" * 200,
        "ab",
        "run_\u202e1",
        "x" * 1_000_000,
        "",
    ],
    ids=["quote", "sql", "pipe", "blank", "path", "path in id", "long", "short", "hidden", "huge", "nothing"],
)
def test_what_cannot_be_an_id_is_refused_and_nothing_is_sent(
    lookup: LookupService, emulator: Emulator, text: str
) -> None:
    """No query text, no path: what is looked for is letters, digits and four signs."""
    before = len(asked(emulator))
    with pytest.raises(InvalidInput) as caught:
        lookup.find(text)
    assert len(caught.value.message) < 150
    assert asked(emulator)[before:] == []


def test_an_id_never_becomes_part_of_the_query(lookup: LookupService, emulator: Emulator) -> None:
    """The signs that an id may have mean nothing within a literal; the text below the header is the file's."""
    found = lookup.find("a.b:c-d_e")
    assert found.place == "nowhere"
    assert found.problems == ()


@pytest.mark.usefixtures("told")
def test_a_place_that_cannot_be_read_is_named_and_does_not_hide_the_others(
    lookup: LookupService, emulator: Emulator
) -> None:
    """«Not known» would be a lie while half of the places kept silent."""
    emulator.fail(Fault("monitor.query_batch", status=403, code="InsufficientAccessError"))
    found = lookup.find("corr-1")
    assert found.place == "nowhere"
    assert [problem.operation for problem in found.problems] == ["query the logs"]


def test_without_a_workspace_it_looks_where_it_can_and_says_so(
    started: runtime.Runtime, clients: Clients
) -> None:
    services = started.services
    alone = LookupService(services.answers, services.backend, services.queues, None, runtime.now)
    thread = clients.agents.threads.create()
    assert alone.find(thread.id).place == "conversation"
    found = alone.find("run_nope")
    assert "No Log Analytics workspace is set" in found.words


@pytest.mark.usefixtures("told")
def test_only_the_last_thirty_days_are_looked_through(lookup: LookupService, emulator: Emulator) -> None:
    emulator.clock.advance(timedelta(days=31).total_seconds())
    assert lookup.find("corr-1").place == "nowhere"


def test_an_answer_that_is_being_worked_on_costs_nothing(
    started: runtime.Runtime, lookup: LookupService, emulator: Emulator
) -> None:
    answers = started.services.answers
    answer = answers.finish(answers.ask("Hello").id, 20.0)
    assert answers.drain(10)  # its record is written after its end
    before = len(asked(emulator))
    by_answer, by_run = lookup.find(answer.id), lookup.find(answer.run_id)
    assert by_answer == Found(answer.id, "run", by_answer.words, answer.run_id, answer.thread_id)
    assert (by_run.place, by_run.run_id) == ("run", answer.run_id)
    assert asked(emulator)[before:] == []


@pytest.mark.parametrize(
    ("wanted", "kind"),
    [
        ("run_1", "run"),
        ("thread_1", "thread"),
        ("msg_1", "message"),
        ("ans_1", "answer"),
        ("asst_1", "agent"),
        ("0123456789abcdef0123456789abcdef", "trace"),
        ("0f5c8a52-34a0-4f6f-9a65-1f2d5fd0c001", "other"),
    ],
)
def test_an_id_tells_its_kind(wanted: str, kind: str) -> None:
    assert kind_of(wanted) == kind
