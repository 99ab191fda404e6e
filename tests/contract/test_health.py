"""Health: each part is judged by what it does, in bounded time, and never by an exception on screen."""

import time

import pytest
from azure.storage.queue import QueueServiceClient

from services.agents.catalogue import CATALOGUE
from services.health import PARTS, judge_function_app
from services.models import PartHealth, QueueDepth
from tests.contract.agents_support import Lab
from tests.contract.seam_support import Seam, open_seam


@pytest.fixture
def storage(seam: Seam) -> QueueServiceClient:
    """With all queues of the catalogue, as the deployment makes them."""
    for tool in CATALOGUE:
        for name in (tool.input_queue, tool.output_queue):
            seam.clients.queues.create_queue(name)
    return seam.clients.queues


def by_part(checked: tuple[PartHealth, ...]) -> dict[str, PartHealth]:
    assert tuple(part.part for part in checked) == PARTS
    return {part.part: part for part in checked}


def test_everything_is_well(seam: Seam, storage: QueueServiceClient) -> None:
    """The state people see most; each part says what it looked at, and when."""
    checked = seam.health().check_all()

    assert [part.state for part in checked] == ["ok"] * 4
    assert all(part.detail and part.checked_at for part in checked)


def test_missing_queues_are_named(seam: Seam) -> None:
    """The function app has not been deployed, or to another account."""
    parts = by_part(seam.health().check_all())

    assert parts["Queues"].state == "degraded" and "azure-function-foo-input" in parts["Queues"].detail
    assert parts["Function app"].state == "unknown"


@pytest.mark.parametrize(("waited_s", "state"), [(5, "ok"), (60, "degraded"), (300, "down")])
def test_the_function_app_is_judged_by_what_waits_for_it(
    seam: Seam, storage: QueueServiceClient, waited_s: float, state: str
) -> None:
    """There is nothing else to see of it from here, and this is what people wait for."""
    storage.get_queue_client("azure-function-calculate-input").send_message("x")
    seam.emulator.advance(waited_s)

    part = by_part(seam.health().check_all())["Function app"]
    assert part.state == state
    assert state == "ok" or "azure-function-calculate-input" in part.detail


def test_messages_that_were_given_up_on_are_reported(seam: Seam, storage: QueueServiceClient) -> None:
    """The app runs, but somebody got no answer."""
    storage.create_queue("azure-function-foo-input-poison").send_message("x")

    part = by_part(seam.health().check_all())["Function app"]
    assert part.state == "degraded" and "azure-function-foo-input-poison (1)" in part.detail


def test_an_unknown_model_deployment_is_down(seam: Seam, storage: QueueServiceClient) -> None:
    """Every question would fail; the setting to correct is named."""
    part = by_part(seam.health(model="gpt-none").check_all())["Model"]

    assert part.state == "down" and "MODEL_DEPLOYMENT_NAME" in part.detail and "gpt-none" in part.detail


def test_one_part_that_fails_leaves_the_others(seam: Seam, storage: QueueServiceClient) -> None:
    """The sidebar shows three green lights and one red one, with the reason."""
    seam.fail("foundry.list_agents", kind="status", status=500, times=4)

    parts = by_part(seam.health().check_all())
    assert parts["Agents"].state == "down" and "500" in parts["Agents"].detail
    assert [parts[name].state for name in PARTS[1:]] == ["ok", "ok", "ok"]


def test_a_part_that_hangs_is_unknown_after_its_time(seam: Seam, storage: QueueServiceClient) -> None:
    """And the next check joins the one that still hangs: threads must not pile up."""
    seam.fail("foundry.list_agents", kind="slow", delay_s=0.6)
    health = seam.health(timeout_s=0.25)
    began_s = time.monotonic()

    first = by_part(health.check_all())["Agents"]
    second = by_part(health.check_all())["Agents"]

    assert time.monotonic() - began_s < 5
    assert (first.state, second.state) == ("unknown", "unknown") and "0.25 s" in first.detail
    assert seam.asked().count("foundry.list_agents") <= 1


def test_denied_access_names_the_roles(lab: Lab) -> None:
    """The commonest state of a fresh deployment."""
    with open_seam(lab.emulator, token="nonsense") as seam:
        parts = by_part(seam.health().check_all())

    assert {part.state for part in parts.values()} == {"down"}
    assert all("role" in part.detail for part in parts.values())


def test_a_defect_in_a_check_is_not_shown_as_azures(seam: Seam, storage: QueueServiceClient) -> None:
    """It is logged with its trace; on screen it is unknown, not down."""
    health = seam.health()
    health._checks["Model"] = lambda: ("ok", dict[str, str]()["x"])

    assert by_part(health.check_all())["Model"].state == "unknown"


def test_the_worst_finding_counts() -> None:
    """Silence outranks poison; a missing queue outranks both, for nothing can be judged then."""
    waiting = QueueDepth("a-input", 1, 500.0, "flowing")
    poison = QueueDepth("a-input-poison", 2, 1.0, "poison")
    missing = QueueDepth("b-input", 0, None, "missing")

    assert judge_function_app([waiting], [poison])[0] == "down"
    assert judge_function_app([waiting, missing], [poison])[0] == "unknown"
