"""Roles x actions: each action, through the real services, by each kind of person; who may not has no effect at all."""

import ast
import base64
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from emulator.server import Emulator, EmulatorSettings
from services.access import (
    NEEDS,
    NOBODY,
    PROCESS,
    ROLES,
    SWEEPER,
    Access,
    ActionName,
    Principal,
    Role,
    acting_as,
    this_user,
)
from services.actions import Actions
from services.errors import AccessDenied
from services.signin.claims import Login, Refused
from services.signin.rules import Rules
from services.signin.sessions import Sessions
from tests.oidc_provider import CLIENT, OTHER_TENANT, TENANT
from tests.security.deeds import DEEDS, Shop, open_shop
from tests.waiting import wait_for
from ui.gate import Gate

ROOT = Path(__file__).parents[2]
ACTIONS: tuple[ActionName, ...] = get_args(ActionName)
VALUES: dict[str, Role] = {f"Relaydeck.{role.capitalize()}": role for role in ROLES}
RULES = Rules("oidc", TENANT, CLIENT, "https://issuer.example", VALUES, address="https://deck.example")
CALLED = {"perform", "require"}
# What changes something in Azure, and where it may be called: beneath these, an action was asked for before.
WRITES = {
    *("create_agent", "update_agent", "delete_agent", "create_thread", "delete_thread", "start_run"),
    *("update_run", "cancel_run", "create_agent_from", "create_thread_from", "add_message"),
    *("send_message", "clear_messages", "delete_queue", "create_queue", "delete_message", "update_message"),
}
WRITERS: dict[str, tuple[ActionName, ...]] = {
    "services/agents/classic.py": (),  # the seam: it does what it is told
    "services/agents/team.py": ("ask question", "update team"),
    "services/answers/runner.py": ("ask question",),
    "services/answers/ending.py": ("ask question", "cancel run"),
    "services/backup/agents.py": ("restore",),
    "services/backup/threads.py": ("restore",),
    "services/doctor/probe.py": ("send probe",),
    "services/housekeeping/deleting.py": ("delete agent", "delete thread", "delete queue"),
    "services/housekeeping/lease.py": ("clean up", "clean up widened"),
    "services/inventory/agents_actions.py": ("delete agent", "update team"),
    "services/inventory/threads_service.py": ("delete thread",),
    "services/poison/store.py": ("replay message", "delete message", "purge queue", "look through queue"),
    "services/queues.py": ("ask question", "send probe", "delete queue"),
}


def claims(role: Role | None = None, **changed: object) -> dict[str, object]:
    now_s = time.time()
    return {
        "iss": RULES.issuer,
        "aud": CLIENT,
        "tid": TENANT,
        "oid": "o-1",
        "name": "Somebody",
        "iat": now_s,
        "exp": now_s + 3_600,
        **({"roles": [f"Relaydeck.{role.capitalize()}"]} if role else {}),
        **changed,
    }


def by_claims(told: dict[str, object]) -> Principal | Refused:
    gate = Gate(RULES, False, Sessions(RULES))
    return gate.judge(gate.by_claims(told))


def by_header() -> Principal | Refused:
    """A perfect header of the platform, sent by whoever reaches the port directly."""
    rules = Rules("easyauth", TENANT, roles=VALUES)
    told = [
        {"typ": name, "val": value if isinstance(value, str) else str(int(str(value).partition(".")[0]))}
        for name, value in claims().items()
    ]
    document = {
        "auth_typ": "aad",
        "role_typ": "roles",
        "claims": [*told, {"typ": "roles", "val": "Relaydeck.Admin"}],
    }
    header = base64.b64encode(json.dumps(document).encode()).decode()
    trusted = Gate(rules, True, Sessions(rules))
    assert isinstance(
        trusted.judge(trusted.by_header(header)), Principal
    )  # it would do, where it is the platform's
    stranger = Gate(rules, False, Sessions(rules))
    return stranger.judge(stranger.by_header(header))


def after_losing_the_role() -> Principal | Refused:
    gate = Gate(RULES, False, Sessions(RULES))
    old = gate.by_claims(claims("admin", iat=time.time() - 60))
    assert isinstance(gate.judge(old), Principal)
    gate.judge(gate.by_claims(claims()))
    return gate.judge(old)


def after_signing_out() -> Principal | Refused:
    gate = Gate(RULES, False, Sessions(RULES))
    login = gate.by_claims(claims("admin"))
    assert isinstance(login, Login)
    gate.sessions.end(login)
    return gate.judge(login)


PEOPLE: dict[str, Callable[[], Principal | Refused]] = {
    "viewer": lambda: by_claims(claims("viewer")),
    "operator": lambda: by_claims(claims("operator")),
    "admin": lambda: by_claims(claims("admin")),
    "anonymous": lambda: by_claims({}),
    "no role": lambda: by_claims(claims()),
    "expired": lambda: by_claims(claims("admin", exp=time.time() - 1)),
    "too old": lambda: by_claims(claims("admin", iat=time.time() - 30_000)),
    "other tenant": lambda: by_claims(claims("admin", tid=OTHER_TENANT)),
    "other app": lambda: by_claims(claims("admin", aud=OTHER_TENANT)),
    "forged header": by_header,
    "role removed": after_losing_the_role,
    "signed out": after_signing_out,
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder = tmp_path_factory.mktemp("roles")
    with (
        Emulator(EmulatorSettings(state=folder / "state")) as emulator,
        open_shop(emulator, folder) as found,
    ):
        yield found


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_is_done_by_whom_the_table_names_and_by_nobody_else(
    shop: Shop, action: ActionName, person: str
) -> None:
    found = PEOPLE[person]()
    principal = NOBODY if isinstance(found, Refused) else found
    allowed = principal.has(NEEDS[action])
    assert allowed is (person in ROLES and ROLES.index(person) >= ROLES.index(NEEDS[action]))
    deed = shop.prepared(action)
    files = set(shop.folder.iterdir())
    if not allowed:
        shop.settle()  # what was prepared has ended, and writes no more
    if action == "cancel run" and not allowed:
        deed = shop.prepared(action)  # one that is open still
    before = shop.last_request()
    with shop.before_a_page(principal):
        refused = refusal_of(deed, action)
        written = shop.writes_since(before)
    if action == "cancel run" and refused:
        with acting_as(PROCESS):
            deed()

    assert refused is not allowed
    if allowed:
        assert written or action in ("ask question", "stop clean-up") or set(shop.folder.iterdir()) > files
    else:
        assert action == "cancel run" or written == []
        assert "POST agents.cancel_run" not in written
        assert set(shop.folder.iterdir()) == files


def refusal_of(deed: Callable[[], object], action: ActionName) -> bool:
    """Return whether *deed* was refused for who asked; any other failure is the test's."""
    try:
        done = deed()
    except AccessDenied as error:
        assert error.code in ("RoleMissing", "SignInNeeded")
        return True
    return action == "send probe" and "send probe" in str(getattr(done, "words", ""))


def test_work_in_the_background_is_done_by_who_began_it(shop: Shop) -> None:
    """Threads inherit nothing: without that, whoever presses would act as the process, which may do everything."""
    operator = Principal("o-2", "Olga", frozenset({"operator"}))
    told: list[tuple[str, str]] = []
    housekeeping = shop.services.housekeeping
    deed = shop.prepared("clean up")
    shop.services.actions._trail = Recorded(told)
    try:
        with shop.before_a_page(operator):
            housekeeping._begin("deleting", lambda: void(deed))
        assert wait_for(lambda: not housekeeping.status().is_busy)
    finally:
        shop.services.actions._trail = None
    assert housekeeping.status().problem is None
    assert told == [("o-2", "clean up"), ("o-2", "delete agent")]


def void(deed: Callable[[], object]) -> None:
    deed()


class Recorded:
    """A trail that keeps who did what."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        self._told = told

    def begin(self, who: Principal, name: ActionName, target: str) -> str:
        self._told.append((who.id, name))
        return ""

    def end(self, record: str, outcome: str) -> None: ...

    def refused(self, who: Principal, name: ActionName, target: str) -> None: ...


def test_the_sweeper_has_a_name_and_cannot_do_what_only_a_person_may_decide() -> None:
    assert SWEEPER.has(NEEDS["clean up"]) and SWEEPER.has(NEEDS["delete thread"])
    assert not any(SWEEPER.has(NEEDS[one]) for one in ACTIONS if NEEDS[one] == "admin")


def test_a_command_is_run_by_who_typed_it() -> None:
    assert Access(this_user).principal() == this_user()
    assert this_user().id.startswith("os:") and this_user().has("admin")


def test_every_action_has_a_role_and_is_tried_above() -> None:
    assert set(NEEDS) == set(ACTIONS) == set(DEEDS)
    assert set(NEEDS.values()) <= set(ROLES)


def sources() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("services", "ui", "pages", "commands", "chaos"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def test_every_action_that_is_performed_is_one_of_the_table() -> None:
    """And each is performed somewhere: a row that nothing asks for protects nothing."""
    texts: set[str] = set()
    for _, tree in sources():
        calls = [
            node
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in CALLED
        ]
        for call in calls:
            texts |= {
                one.value
                for one in ast.walk(call.args[0])
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
    named = {text for _, tree in sources() for text in action_tables(tree)}
    assert texts <= set(ACTIONS)
    assert texts | named == set(ACTIONS)


def action_tables(tree: ast.Module) -> set[str]:
    """Return the actions in tables of them, such as those of the Deleter."""
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and "ActionName" in ast.unparse(node.annotation) and node.value:
            found |= {
                one.value
                for one in ast.walk(node.value)
                if isinstance(one, ast.Constant) and one.value in ACTIONS
            }
    return found


def test_nothing_writes_to_azure_outside_of_an_action() -> None:
    """A new place that does must be put into the table above, with the action beneath which it is."""
    found = {
        file
        for file, tree in sources()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in WRITES
        and not file.startswith("chaos/")
        and not (file.startswith("services/backup/") and node.func.attr == "add_message" and "tally" in file)
    }
    assert found == set(WRITERS)
    assert {one for names in WRITERS.values() for one in names} <= set(ACTIONS)


def test_a_refusal_is_put_on_record_and_says_which_role_it_takes() -> None:
    told: list[tuple[str, str, str]] = []
    viewer = Principal("o-3", "Vera", frozenset({"viewer"}))
    actions = Actions(lambda *what: told.append(what), Access(lambda: viewer))
    with pytest.raises(AccessDenied, match="takes the role Admin"):
        actions.perform("purge queue", "foo-poison", lambda: told.clear())
    assert told == [("purge queue", "foo-poison", "refused")]


def test_the_table_in_the_handbook_is_the_one_that_is_held_to() -> None:
    """Whoever hands out roles reads that one."""
    lines = (ROOT / "docs" / "signin.md").read_text().splitlines()
    cells = [[one.strip() for one in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    told = {
        row[0]: [role for role, cell in zip(ROLES, row[1:], strict=True) if cell]
        for row in cells
        if row[0] in ACTIONS
    }
    assert told == {action: list(ROLES[ROLES.index(needed) :]) for action, needed in NEEDS.items()}
