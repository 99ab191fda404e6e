"""What the tests of the Fault desk share: the page, its switches, and a question that meets them."""

from collections.abc import Iterator
from contextlib import contextmanager

from streamlit.testing.v1 import AppTest

import runtime
from services.faults.desk import FaultDesk, ScenarioState
from services.faults.scenarios import Scenario, find
from services.models import Answer
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL
from tests.waiting import wait_for
from ui.fault_actions import key

IN, OUT = "azure-function-calculate-input", "azure-function-calculate-output"
QUESTION, VALUE = "What is (12.5 + 7) * 3?", "58.5"
REPLY = f"/devstoreaccount1/{OUT}/messages"


def desk() -> FaultDesk:
    found = runtime.current().services.faults
    assert found is not None
    return found


@contextmanager
def nothing_staged() -> Iterator[None]:
    """The team is there and warm; afterwards nothing is on, no answer is open, and no message is left."""
    services = runtime.current().services
    assert runtime.current().wait_warm()
    services.queues.ensure([IN, OUT, f"{IN}-poison"])
    yield
    desk().clear()
    for answer in services.answers.open_answers():
        services.answers.cancel(answer.id)
    for queue in (IN, OUT, f"{IN}-poison"):
        runtime.current()._clients.queues.get_queue_client(queue).clear_messages()
    wait_for(lambda: not services.answers.open_answers())


def opened(page: str = "faults.py", **parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.switch_page(str(ROOT / "pages" / page))
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, name: str) -> AppTest:
    at.button(key=name).click().run()
    assert not at.exception
    return at


def scenario(name: str) -> Scenario:
    found = find(name)
    assert found is not None
    return found


def switched_on(name: str, dial: float | None = None) -> AppTest:
    """Return the page with *name* switched on by its buttons."""
    at = opened()
    if dial is not None:
        at.segmented_control(key=key(scenario(name), "dial")).set_value(dial)
    press(at, key(scenario(name), "on"))
    assert state_of(name).is_on
    return at


def switch_off(at: AppTest, name: str) -> None:
    press(at, key(scenario(name), "off"))
    assert not state_of(name).is_on


def state_of(name: str) -> ScenarioState:
    return next(one for one in desk().look() if one.scenario.name == name)


def met(name: str) -> int:
    return state_of(name).met_count


def ask() -> Answer:
    return runtime.current().services.answers.ask(QUESTION)


def settled(answer: Answer) -> Answer:
    answers = runtime.current().services.answers
    for _ in answers.events(answer.id):
        pass
    found = answers.get(answer.id)
    assert found is not None
    return found


def now(answer: Answer) -> Answer:
    found = runtime.current().services.answers.get(answer.id)
    assert found is not None
    return found


def assert_answered(answer: Answer) -> None:
    assert answer.state == "answered", answer.problem
    assert VALUE in answer.text


def waiting_in(queue: str) -> int:
    return runtime.current().services.queues.depth_of(queue).messages
