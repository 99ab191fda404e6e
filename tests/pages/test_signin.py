"""The gate in front of the pages, and what a page draws for whom: who signs in is set, the clock is ours."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.access import ROLES, Role
from services.ids import new_id
from services.signin.rules import Rules
from tests.oidc_provider import CLIENT, OTHER_TENANT, TENANT
from tests.pages.conftest import RUN_TIMEOUT_S, SHELL, words
from tests.waiting import wait_for
from ui import gate, guard

NOW_S = 1_800_000_000.0
VALUES: dict[str, Role] = {f"Relaydeck.{role.capitalize()}": role for role in ROLES}
RULES = Rules("oidc", TENANT, CLIENT, "https://issuer.example", VALUES, address="https://deck.example")
PAGES = Path(__file__).parents[2] / "pages"


class Time:
    now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(control: Control, monkeypatch: pytest.MonkeyPatch) -> Iterator[Time]:
    """Sign-in is asked for, and the services ask who acts as they do in the dashboard."""
    found = Time()
    gate.configure(RULES, trusts_headers=False, now_s=found)
    monkeypatch.setattr(runtime.current().services.access, "who", guard.who)
    yield found
    gate.configure(Rules(), trusts_headers=False)


@pytest.fixture
def open_as(clock: Time) -> Callable[..., AppTest]:
    def opened(role: str = "", page: str = "", **says: object) -> AppTest:
        at = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
        told = {"iss": RULES.issuer, "aud": CLIENT, "tid": TENANT, "oid": "o-1", "name": "Some *Body*"}
        times = {"iat": NOW_S, "exp": NOW_S + 90_000}
        roles = [f"Relaydeck.{role.capitalize()}"] if role else []
        at.user = {"is_logged_in": True, **told, **times, "roles": roles, **says}
        if page:
            at.switch_page(str(PAGES / page))
        at.run()
        assert not at.exception
        return at

    return opened


def test_whoever_is_signed_in_is_named_with_their_role(open_as: Callable[..., AppTest]) -> None:
    """As text: a name is written by others."""
    at = open_as("operator")
    assert any("Some \\*Body\\* · Operator" in one.value for one in at.sidebar.caption)
    assert at.button(key="sign-out").label == "Sign out"
    assert not at.button(key="example-0").disabled


def test_what_a_role_lacks_is_drawn_dead_and_says_why(open_as: Callable[..., AppTest]) -> None:
    at = open_as("viewer")
    assert at.button(key="example-0").disabled
    assert at.button(key="example-0").help == "That takes the role Operator."
    assert at.chat_input(key="question").disabled


def test_a_page_at_which_nobody_pressed_anything_is_over(
    open_as: Callable[..., AppTest], clock: Time
) -> None:
    at = open_as("admin")
    clock.now_s += RULES.idle_s
    at.run()
    assert "Please sign in again" in words(at) and "long time" in words(at)
    assert [one.key for one in at.button] == ["sign-in"]


def test_nothing_of_a_page_is_read_for_whom_it_is_not(
    open_as: Callable[..., AppTest], control: Control
) -> None:
    """Also not the health of the parts, which any page would have looked at."""
    last = control.last_request()
    for page in ("", "overview.py", "threads.py", "cleanup.py"):
        at = open_as("", page)
        assert "You have no role here yet" in words(at)
    asked = {str(one["operation"]) for one in control.requests(last)}
    assert not {one for one in asked if one.startswith(("agents.", "monitor.query", "project"))}


def test_a_press_after_the_end_is_refused_where_the_work_is_done(
    open_as: Callable[..., AppTest], clock: Time
) -> None:
    """The callback runs before the page is drawn again, and so before its gate."""
    at = open_as("operator")
    clock.now_s += RULES.max_age_s
    before = len(runtime.current().services.answers.open_answers())
    at.button(key="example-0").click().run()
    assert "Please sign in again" in words(at)
    assert len(runtime.current().services.answers.open_answers()) == before


def test_signing_in_out_and_being_turned_away_are_on_record(
    open_as: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for all tabs of a sign-in; by name, and with the reason where there is one."""
    monkeypatch.setattr("streamlit.logout", lambda: None)
    person, stranger = new_id("oid"), new_id("name")
    for _ in range(2):
        at = open_as("viewer", oid=person)
    at.button(key="sign-out").click().run()
    open_as("viewer", name=stranger, tid=OTHER_TENANT)
    services = runtime.current().services
    wait_for(lambda: (state := services.trail.state().writer) is not None and not state.waiting)

    told = [
        (one.kind, one.action, one.outcome, one.error)
        for one in services.auditor.records()
        if one.actor == person
    ]
    turned_away = [
        (one.action, one.outcome, one.error)
        for one in services.auditor.records()
        if one.actor_name == stranger
    ]

    assert told == [("event", "sign in", "done", ""), ("event", "sign out", "done", "")]
    assert turned_away == [("sign in", "refused", "other tenant")]
