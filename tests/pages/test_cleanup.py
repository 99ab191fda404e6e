"""The Clean-up page: a dry run first, then what was confirmed and nothing else, with its result."""

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.agents.backend import AgentDefinition
from services.housekeeping.service import Status
from services.ids import new_id
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.waiting import wait_for
from ui import cleanup_actions

OURS = {"relaydeck": "per_query", "environment": "local", "lives_s": "0"}
STAGING = {**OURS, "environment": "staging"}
DIRTY = '<b onmouseover="x">[link](https://evil.example)</b>'


@pytest.fixture(autouse=True)
def tidy(control: Control) -> Iterator[None]:
    """Nobody has looked yet; afterwards nothing of the test is left in the session's project."""
    services = runtime.current().services
    services.housekeeping._status = Status()
    made = {agent.id for agent in services.backend.list_agents(1000)}
    threads = {thread.id for thread in services.backend.list_threads(1000)}
    yield
    settled()
    services.housekeeping._status = Status()
    for agent in services.backend.list_agents(1000):
        if agent.id not in made:
            services.backend.delete_agent(agent.id)
    for thread in services.backend.list_threads(1000):
        if thread.id not in threads:
            services.backend.delete_thread(thread.id)


def leave_agent(tags: dict[str, str], name: str = "left") -> str:
    wanted = AgentDefinition(name, runtime.current().services.settings.model, "Repeat.")
    return runtime.current().services.backend.create_agent(wanted, {**tags, "opid": new_id("op")}).id


def leave_thread(tags: dict[str, str], title: str = "") -> str:
    return runtime.current().services.backend.create_thread({**tags, "title": title, "opid": new_id("op")}).id


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name] = value
    at.switch_page(str(ROOT / "pages" / "cleanup.py"))
    at.run()
    assert not at.exception
    return at


def settled() -> None:
    wait_for(lambda: not runtime.current().services.housekeeping.status().is_busy)


def press(at: AppTest, key: str) -> AppTest:
    """Press a button and let what it began come to its end."""
    at.button(key=key).click().run()
    settled()
    at.run()
    assert not at.exception
    return at


def looked(**parameters: str) -> AppTest:
    return press(opened(**parameters), "cleanup-look")


def table(at: AppTest, column: str) -> dict[str, list[Any]]:
    """Return the table that has *column*: only those that can be selected in are found by their key."""
    (found,) = [one.value for one in at.dataframe if column in one.value.columns]
    return {name: list(found[name]) for name in found.columns}


def agents() -> set[str]:
    return {agent.id for agent in runtime.current().services.backend.list_agents(1000)}


def threads() -> set[str]:
    return {thread.id for thread in runtime.current().services.backend.list_threads(1000)}


def test_nothing_is_sent_before_somebody_asks_for_a_look(control: Control) -> None:
    seen = control.last_request()
    at = opened()
    assert "Nobody has looked since this process began" in at.info[0].value
    cleaning = [one for one in control.requests(seen) if "list_threads" in str(one["operation"])]
    assert cleaning == []


def test_a_dry_run_says_what_would_go_and_changes_nothing(control: Control) -> None:
    mine, other = leave_agent(OURS), leave_agent(STAGING)
    talk = leave_thread(OURS)
    at = looked()
    assert "Would delete 1 thread, 1 agent" in words(at)
    assert {mine, other} <= agents() and talk in threads()
    rows = table(at, "Reason")
    by_id = dict(zip(rows["Id"], rows["Ours"], strict=True))
    assert (by_id[mine], by_id[other], by_id[talk]) == ("yes", "no", "yes")


def test_what_was_confirmed_is_deleted_and_the_result_is_shown(control: Control) -> None:
    mine, other, talk = leave_agent(OURS), leave_agent(STAGING), leave_thread(OURS)
    at = press(looked(), "cleanup-do")
    assert "2 deleted" in words(at).lower()
    assert mine not in agents() and other in agents() and talk not in threads()
    assert set(table(at, "Outcome")["Id"]) == {mine, talk}
    assert "Would delete nothing" in words(at)


def test_filters_are_in_the_address_and_decide_what_is_deleted(control: Control) -> None:
    first, second = leave_thread(OURS, "about cats"), leave_thread(OURS, "about dogs")
    at = looked(**{"cleanup-text": "cats"})
    assert list(table(at, "Reason")["Id"]) == [first]
    press(at, "cleanup-do")
    assert first not in threads() and second in threads()


def test_what_is_not_ours_goes_only_when_its_id_is_typed(control: Control) -> None:
    other = leave_agent(STAGING)
    at = looked()
    at.selectbox(key=cleanup_actions.WIDEN_KEY).set_value(other).run()
    at.text_input(key=cleanup_actions.NAMED_KEY).set_value("asst_wrong").run()
    press(at, "cleanup-do-named")
    assert other in agents()
    at.text_input(key=cleanup_actions.NAMED_KEY).set_value(other).run()
    press(at, "cleanup-do-named")
    assert other not in agents()


def test_a_part_that_cannot_be_read_is_not_called_tidy(control: Control) -> None:
    control.fail(operation="foundry.list_threads", status=403, code="Forbidden")
    at = looked()
    assert "it is not known whether they are tidy" in words(at)
    assert "threads: not known" in words(at)
    counts = dict(zip(*(table(at, "Would go")[name] for name in ("Kind", "Found")), strict=True))
    assert (counts["Older teams"], counts["Old conversations"]) == ("not known", "not known")
    assert counts["Unlinked agents"] == "0"
    assert not at.success


def test_a_tidy_project_is_called_so(control: Control) -> None:
    at = looked()
    if not runtime.current().services.housekeeping.status().found.findings:  # type: ignore[union-attr]  # it was looked at
        assert "Nothing is left over." in at.success[0].value
    assert "Would delete nothing" in words(at)


def test_names_of_others_are_shown_as_text(control: Control) -> None:
    leave_thread(STAGING, DIRTY)
    at = looked()
    assert DIRTY in list(table(at, "Reason")["Name"])
    assert DIRTY not in words(at)


def test_an_export_can_be_downloaded_before_anything_is_deleted(control: Control) -> None:
    leave_thread(OURS, "kept")
    at = press(looked(), "cleanup-export")
    (button,) = at.get("download_button")
    assert "Download 1" in button.proto.label
    assert b"kept" in runtime.current().services.housekeeping.status().export.data  # type: ignore[union-attr]  # just made


def test_drawing_again_sends_nothing(control: Control) -> None:
    leave_thread(OURS)
    at = looked()
    seen = control.last_request()
    at.text_input(key="cleanup-text").set_value("x").run()
    fresh = [str(one["operation"]) for one in control.requests(seen)]
    assert not any(operation.startswith("foundry.") for operation in fresh)


def test_another_process_that_cleans_up_is_named(control: Control) -> None:
    talk = leave_thread(OURS)
    at = looked()
    lease = runtime.current().services.housekeeping._lease_of()
    lease.acquire()
    press(at, "cleanup-do")
    lease.release()
    assert "Another Relaydeck of this environment is cleaning up" in words(at)
    assert talk in threads()
