"""The Audit page: who did what, gaps and refusals marked, the chain verified, nothing of others drawn as markup."""

import contextlib
import json
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.access import Principal, acting_as
from services.errors import AccessDenied, NotFound
from services.ids import new_id
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from tests.waiting import wait_for
from ui import export_box

DIRTY = '![x](https://evil.example/x.png) <b onmouseover="x">Ann</b>'
QUERY = "monitor.query_batch"


@pytest.fixture
def ann(control: Control) -> Principal:
    """Somebody of the test's own, so that what other tests did stays out of sight."""
    del control
    return Principal(new_id("oid"), f"Ann {DIRTY}", frozenset({"admin"}), "tenant-1", "5e55", "10.0.0.7")


@pytest.fixture
def bob(control: Control) -> Iterator[Principal]:
    del control
    yield Principal(new_id("oid"), "Bob", frozenset({"viewer"}))


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in parameters.items():
        at.query_params[name.replace("_", "-")] = value
    at.switch_page(str(ROOT / "pages" / "audit.py"))
    at.run()
    assert not at.exception
    return at


def act(who: Principal, action: str = "delete agent", target: str = "asst_1") -> None:
    with acting_as(who):
        runtime.current().services.actions.perform(action, target, lambda: None)  # type: ignore[arg-type]  # one of the names
    settled()


def settled() -> None:
    """Wait until what was done is in the table, its result included."""

    def is_quiet() -> bool:
        state = runtime.current().services.trail.state()
        return state.writer is not None and not state.writer.waiting

    wait_for(is_quiet)


def table(at: AppTest) -> list[dict[str, object]]:
    """Return the rows of the list; [] when there is none."""
    found = next((frame for frame in at.dataframe if frame.key == "audit-table"), None)
    return [] if found is None else json.loads(found.value.to_json(orient="records"))


def plain(at: AppTest) -> str:
    """Return what can be read on the page, as it is read: without the signs that keep it from being markup."""
    return words(at).replace("\\", "")


def test_each_action_is_a_row_with_its_outcome(ann: Principal) -> None:
    act(ann, target="asst_done")
    with acting_as(ann), contextlib.suppress(NotFound):
        runtime.current().services.actions.perform("delete thread", "thread_failed", fail)
    settled()

    failed, done = table(opened(audit_person=ann.id))

    assert (done["Outcome"], done["Action"], done["On what"]) == (["Done"], "delete agent", "asst_done")
    assert (failed["Outcome"], failed["Error"]) == (["Failed"], "NotFound")
    assert isinstance(done["Took"], float)


def fail() -> None:
    raise NotFound("Gone.", operation="delete thread")


def test_a_refusal_is_marked(bob: Principal) -> None:
    with pytest.raises(AccessDenied):
        act(bob)
    settled()

    (row,) = table(opened(audit_person=bob.id))

    assert (row["Outcome"], row["Who"]) == (["Refused"], "Bob")


def test_an_action_without_a_result_is_a_gap_and_a_young_one_is_under_way(
    ann: Principal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been done: nobody knows, and the page must not pretend."""
    runtime.current().services.trail.begin(ann, "restore", "bkp_1")
    (young,) = table(opened(audit_person=ann.id))
    monkeypatch.setattr("ui.audit_looks.UNDER_WAY", -runtime.now().resolution)

    (old,) = table(opened(audit_person=ann.id))

    assert (young["Outcome"], old["Outcome"]) == (["Under way"], ["No result"])


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"audit_action": "purge queue"}, ["boxes-poison"]),
        ({"audit_target": "asst_"}, ["asst_1"]),
        ({"audit_outcome": "refused"}, []),
        ({"audit_outcome": "done,failed"}, ["boxes-poison", "asst_1"]),
        ({"audit_outcome": "nonsense"}, ["boxes-poison", "asst_1"]),
    ],
    ids=["action", "target", "refused", "several", "foreign-address"],
)
def test_the_address_filters(ann: Principal, filters: dict[str, str], expected: list[str]) -> None:
    act(ann)
    act(ann, "purge queue", "boxes-poison")

    at = opened(audit_person=ann.id, **filters)

    assert [row["On what"] for row in table(at)] == expected
    if not expected:
        assert "actions match." in words(at)
        assert at.button(key="audit-clear-list")


def test_the_selected_action_shows_its_records_and_whether_they_are_genuine(ann: Principal) -> None:
    act(ann)
    pair = next(one.pair for one in runtime.current().services.auditor.records() if one.actor == ann.id)

    at = opened(audit_person=ann.id, audit_act=pair)

    records = at.dataframe[-1].value  # the last on the page; one without a selection has no key here
    assert list(records["Kind"]) == ["intent", "result"]
    assert list(records["Signature"]) == ["fits", "fits"]
    assert "**Address** 10.0.0.7" in plain(at)
    assert "![x]" not in words(at)
    assert "![x]" in plain(at)
    at.button(key="audit-unselect").click().run()
    assert "audit-act" not in at.query_params


def test_a_link_to_an_action_that_is_not_there_says_so() -> None:
    assert "No record of this action lies in this range" in words(opened(audit_act="act_none"))


def test_verify_says_that_the_trail_is_whole(ann: Principal) -> None:
    act(ann)
    at = opened()

    at.button(key="audit-verify").click().run()

    assert not at.exception
    assert "The trail is whole." in words(at)


def test_the_file_holds_what_is_listed_and_no_formula(ann: Principal) -> None:
    act(ann, target='=HYPERLINK("https://evil.example")')
    at = opened(audit_person=ann.id)
    at.session_state["audit-export"] = True
    at.run()

    at.button(key="audit-export-csv").click().run()

    name, content = at.session_state[export_box.file_key("audit")]
    assert name.endswith(".csv")
    assert "'=HYPERLINK" in content.decode("utf-8-sig")
    assert ",=HYPERLINK" not in content.decode("utf-8-sig")


def test_a_press_on_the_page_asks_azure_nothing(control: Control, ann: Principal) -> None:
    act(ann)
    at = opened(audit_person=ann.id, refresh="off")
    runtime.current().services.telemetry.flush(5)  # what is under way is told before, not by the press
    last = control.last_request()

    at.run()

    assert [one["operation"] for one in control.requests(last) if "monitor" in str(one["operation"])] == []


def test_a_failure_is_never_drawn_as_an_empty_trail(control: Control) -> None:
    for _ in range(4):
        control.fail(operation=QUERY, status=403)
    at = opened(audit_person="somebody nobody has asked for yet", range="6h")
    control.clear_faults()

    assert "this identity may not do that (403)" in plain(at)
    assert {metric.value for metric in at.metric} == {"not known"}


def test_without_a_workspace_it_says_what_to_set(without_workspace: None) -> None:
    del without_workspace
    at = opened()

    assert "No Log Analytics workspace is set" in words(at)


def test_that_actions_are_refused_is_said_above_all(control: Control, ann: Principal) -> None:
    for _ in range(8):
        control.fail(operation="monitor.upload_logs", status=403)
    with contextlib.suppress(Exception):
        act(ann)
    at = opened()
    control.clear_faults()

    assert "Actions are refused: they cannot be put on record." in words(at)
    runtime.current().services.trail.note(ann, "look")
    settled()
