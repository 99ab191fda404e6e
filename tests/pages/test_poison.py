"""The Poison section of the Queues page: what it shows, and every action as a person takes it."""

import base64
import csv
import io
import json
import threading
from typing import Any

import pytest
from azure.core.exceptions import ResourceExistsError
from requests import Response
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services import transport
from services.poison.shapes import Look
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, words
from ui import poison_actions, poison_desk, poison_export, poison_table

pytestmark = pytest.mark.usefixtures("without_workspace")
SOURCE, POISON = "parcels", "parcels-poison"
LOOSE = "adrift-poison"
BACKGROUND = (
    "index-",
    "agent-index",
    "queue-",
    "answer",
    "sweeper",
    "health",
    "telemetry",
)  # no press of ours


def opened(**parameters: str) -> AppTest:
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in {"refresh": "off", **parameters}.items():
        at.query_params[name] = value
    at.switch_page(str(ROOT / "pages" / "queues.py"))
    at.run()
    assert not at.exception
    return at


def fill(queue: str, *contents: str) -> list[str]:
    """Return the ids of *contents*, the only messages of *queue* then."""
    client = runtime.current()._clients.queues.get_queue_client(queue)
    try:
        client.create_queue()
    except ResourceExistsError:
        client.clear_messages()
    return [str(client.send_message(one).id) for one in contents]


def lie(queue: str) -> list[str]:
    client = runtime.current()._clients.queues.get_queue_client(queue)
    return [str(one.content) for one in client.peek_messages(32)]


def call(number: int, **more: object) -> str:
    document = {"n": number, "CorrelationId": f"c-{number}", **more}
    return base64.b64encode(json.dumps(document).encode()).decode()


def choose(at: AppTest, *ids: str) -> AppTest:
    """Select rows: AppTest cannot click into a table, so that the ids are set as its callback would."""
    at.session_state[poison_table.CHOSEN_KEY] = ids
    at.run()
    assert not at.exception
    return at


def press(at: AppTest, key: str) -> AppTest:
    at.button(key=key).click().run()
    assert not at.exception
    return at


def said(at: AppTest) -> str:
    return " ".join(toast.value for toast in at.toast).replace("\\", "")


def test_a_queue_in_the_address_is_opened(control: Control) -> None:
    fill(SOURCE)
    fill(POISON, call(1), "not base64 <b>x</b>")
    told = words(opened(poison=POISON)).replace("\\", "")

    assert "2 messages, oldest first" in told
    assert "They belong to `parcels`, known by its name." in told


def test_overview_leads_here(control: Control) -> None:
    """Poison is what needs somebody first."""
    fill(POISON, call(1))
    at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    at.query_params["refresh"] = "off"
    at.switch_page(str(ROOT / "pages" / "overview.py"))
    at.run()

    assert not at.exception
    links = [one.proto.query_string for one in at.get("page_link")]
    assert any(f"poison={POISON}" in link for link in links)


def test_a_press_sends_nothing(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look is shared and kept: only what acts, or asks for a new look, may send."""
    (message,) = fill(POISON, call(1))
    at = opened(poison=POISON)
    sent = list[str]()
    send = transport._Session.request

    def request(session: transport._Session, method: str, url: str, **given: Any) -> Response:
        if not threading.current_thread().name.startswith(BACKGROUND):
            sent.append(f"{method} {url}")
        return send(session, method, url, **given)

    monkeypatch.setattr(transport._Session, "request", request)
    choose(at, message)
    assert sent == []
    assert "Why is it here?" in words(at)

    press(at, "poison-again")
    assert sent, "the count sees what is sent"


def test_what_others_wrote_is_shown_and_means_nothing(control: Control) -> None:
    (message,) = fill(
        POISON, call(1, text="<script>alert(1)</script> [x](javascript:alert(1)) :red[x] \ud800\x00\u202e")
    )
    at = choose(opened(poison=POISON), message)
    at.session_state[f"poison-edit-{message}"] = True
    at.run()

    assert not at.exception
    assert "\\ud800" in str(at.text_area(key=f"poison-text-{message}").value)

    assert any("<script>" in one.value for one in at.code)
    assert not any("<script>" in one.value or ":red[x]" in one.value for one in at.markdown)


def test_the_selected_are_replayed_and_the_rest_stays(control: Control) -> None:
    fill(SOURCE)
    ids = fill(POISON, call(1), call(2), call(3))
    at = press(choose(opened(poison=POISON), ids[1]), "poison-do-replay")

    assert "1 message replayed to parcels." in said(at)
    assert lie(SOURCE) == [call(2)]
    assert sorted(lie(POISON)) == sorted([call(1), call(3)])
    assert "2 messages, oldest first" in words(at)


def test_all_are_replayed(control: Control) -> None:
    fill(SOURCE)
    fill(POISON, call(1), call(2))
    at = press(opened(poison=POISON), "poison-do-replay-all")

    assert sorted(lie(SOURCE)) == sorted([call(1), call(2)])
    assert "No message lies here." in words(at)


def test_a_selection_is_kept_by_message_and_not_by_place(control: Control) -> None:
    """Somebody else takes the first row away; the second stays the one that is selected."""
    ids = fill(POISON, call(1), call(2))
    at = choose(opened(poison=POISON), ids[1])
    runtime.current().services.poison_moves.delete(POISON, [ids[0]])
    press(at, "poison-again")

    assert any('"n": 2' in one.value for one in at.code)


def test_what_was_taken_away_meanwhile_is_said_and_stays_on_the_page(control: Control) -> None:
    fill(SOURCE)
    ids = fill(POISON, call(1), call(2))
    at = choose(opened(poison=POISON), *ids)
    runtime.current().services.poison_moves.delete(POISON, [ids[0]])
    press(at, "poison-do-replay")

    assert "1 message no longer there" in said(at)
    assert f"{ids[0]}: no longer there." in words(at).replace("\\", "")
    assert "no longer there" not in words(press(at, "poison-report-close"))


def test_a_refusal_names_the_role_and_nothing_is_lost(control: Control) -> None:
    fill(SOURCE)
    (message,) = fill(POISON, call(1))
    at = choose(opened(poison=POISON), message)
    control.fail(operation="queues.put_message", status=403, code="AuthorizationPermissionMismatch")
    press(at, "poison-do-replay")

    assert "Storage Queue Data Message Sender" in words(at)
    assert lie(POISON) == [call(1)]


def test_where_nothing_says_the_destination_the_person_must(control: Control) -> None:
    fill(SOURCE)
    fill(LOOSE, call(1))
    at = opened(poison=LOOSE)
    assert at.button(key="poison-do-replay-all").disabled

    at.selectbox(key="poison-target-all").set_value(SOURCE).run()
    press(at, "poison-do-replay-all")
    assert lie(SOURCE) == [call(1)]


def test_one_is_deleted(control: Control) -> None:
    ids = fill(POISON, call(1), call(2))
    at = press(choose(opened(poison=POISON), ids[0]), "poison-do-delete")

    assert "1 message deleted." in said(at)
    assert lie(POISON) == [call(2)]


def test_a_queue_is_purged_only_once_its_name_is_typed(control: Control) -> None:
    fill(POISON, call(1), call(2))
    at = opened(poison=POISON)
    assert at.button(key="poison-do-purge").disabled
    at.text_input(key="poison-typed").set_value("parcels").run()
    assert at.button(key="poison-do-purge").disabled

    at.text_input(key="poison-typed").set_value(POISON).run()
    press(at, "poison-do-purge")
    assert lie(POISON) == []
    assert "About 2 messages purged." in said(at)


def test_a_changed_message_is_checked_before_it_is_sent(control: Control) -> None:
    fill(SOURCE)
    (message,) = fill(POISON, "not base64")
    at = choose(opened(poison=POISON), message)
    at.session_state[f"poison-edit-{message}"] = True
    at.run()
    assert at.button(key="poison-do-edit").disabled

    at.text_area(key=f"poison-text-{message}").set_value('{"n": 1, "CorrelationId": "c"}').run()
    press(at, "poison-do-edit")
    assert [json.loads(base64.b64decode(one)) for one in lie(SOURCE)] == [{"n": 1, "CorrelationId": "c"}]
    assert lie(POISON) == []


def test_more_than_a_look_shows_is_gone_through_once_confirmed(control: Control) -> None:
    fill(POISON, *(call(n) for n in range(40)))
    at = opened(poison=POISON)
    assert "First 32 of about 40" in words(at)

    press(at, "poison-do-through")
    assert "All 40 messages, oldest first" in words(at)
    assert len(lie(POISON)) == 32


def test_when_the_queue_cannot_be_read_the_page_says_so_and_recovers(control: Control) -> None:
    fill(POISON, call(1))
    at = opened()
    denied = "AuthorizationPermissionMismatch"  # for all who look, the sampler too
    control.fail(operation="queues.peek_messages", status=403, code=denied, times=100)
    at.selectbox(key="poison").set_value(POISON).run()
    control.clear_faults()

    assert "HTTP 403" in words(at)
    assert "HTTP 403" not in words(press(at, "retry-poison"))


def look_of(queue: str) -> Look:
    return runtime.current().services.poison.look(queue)


def test_a_file_for_a_spreadsheet_holds_no_formula(control: Control) -> None:
    fill(POISON, "=HYPERLINK(1)", "+1", call(1))
    look = look_of(POISON)
    table = list(csv.DictReader(io.StringIO(poison_export.as_csv(look.messages).decode("utf-8-sig"))))

    assert [row["content"] for row in table[:2]] == ["'=HYPERLINK(1)", "'+1"]
    assert json.loads(poison_export.as_json(look, look.messages))["messages"][2]["content"] == call(1)


def test_the_consequence_of_a_replay_is_said_before_it(control: Control) -> None:
    fill(POISON, "not base64", call(1))

    told = poison_actions.consequence(look_of(POISON).messages)

    assert "1 message the function cannot read" in told
    assert "Whether anybody waits is not known of 2 messages" in told


def test_messages_that_are_all_hidden_are_not_called_none(control: Control) -> None:
    fill(POISON, call(1))
    store = runtime.current().services.poison._store
    held = store.take(POISON)

    assert "none visible" in poison_desk.heading(look_of(POISON))
    store.give_back(POISON, held)
