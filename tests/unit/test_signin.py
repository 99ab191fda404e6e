"""Who is let in, and until when: claims read with distrust, sign-ins that end."""

import base64
import json
import socket
from dataclasses import replace

import pytest

from services.access import Principal, Role
from services.errors import ConfigurationError
from services.settings_source import auth_asked_for, load_settings, load_usable
from services.signin.claims import Login, Reason, Refused, read_claims, read_header
from services.signin.place import headers_are_the_platforms, is_loopback, listening_on, misunderstood, refusal
from services.signin.rules import Rules, metadata_of, rules_of
from services.signin.sessions import Sessions
from tests.oidc_provider import CLIENT, OTHER_TENANT, TENANT

NOW_S = 1_800_000_000.0
RULES = Rules(
    "oidc",
    TENANT,
    CLIENT,
    f"https://login.microsoftonline.com/{TENANT}/v2.0",
    {"Relaydeck.Viewer": "viewer", "Relaydeck.Operator": "operator", "Relaydeck.Admin": "admin"},
    address="https://relaydeck.contoso.example",
)
CLAIMS: dict[str, object] = {
    "iss": RULES.issuer,
    "aud": CLIENT,
    "tid": TENANT,
    "oid": "o-1",
    "name": "Olga",
    "roles": ["Relaydeck.Operator"],
    "iat": int(NOW_S),
    "exp": int(NOW_S) + 3_600,
    "uti": "u1",
}
OIDC = {
    "RELAYDECK_AUTH": "oidc",
    "RELAYDECK_AUTH_TENANT_ID": TENANT,
    "RELAYDECK_AUTH_CLIENT_ID": CLIENT,
    "RELAYDECK_AUTH_CLIENT_SECRET": "s",
    "RELAYDECK_AUTH_COOKIE_SECRET": "c" * 32,
    "RELAYDECK_AUTH_ADDRESS": "https://Relaydeck.contoso.example/",
}


class Time:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s


def login(**changed: object) -> Login:
    found = read_claims({**CLAIMS, **changed}, RULES)
    assert isinstance(found, Login), found
    return found


def header(told_of: list[tuple[str, str]], **document: object) -> str:
    told = {"auth_typ": "aad", "claims": [{"typ": kind, "val": value} for kind, value in told_of], **document}
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"tid": OTHER_TENANT}, "other tenant"),
        ({"tid": None}, "other tenant"),
        ({"iss": f"https://login.microsoftonline.com/{OTHER_TENANT}/v2.0"}, "other tenant"),
        ({"iss": "https://evil.example"}, "other tenant"),
        ({"aud": OTHER_TENANT}, "other app"),
        ({"aud": ["x", 7]}, "other app"),
        ({"oid": ""}, "incomplete"),
        ({"oid": 7}, "incomplete"),
        ({"iat": None}, "incomplete"),
        ({"iat": True}, "incomplete"),
        ({"iat": float("nan")}, "incomplete"),
        ({"exp": None}, "incomplete"),
        ({"exp": "soon"}, "incomplete"),
    ],
    ids=str,
)
def test_claims_that_are_not_about_us_are_nobody(changed: dict[str, object], reason: Reason) -> None:
    """Streamlit has checked the signature of the cookie, and nothing of what it says."""
    assert read_claims({**CLAIMS, **changed}, RULES) == Refused(reason, "Olga")


def test_nobody_is_recognised_by_half_of_the_rules() -> None:
    for missing in ({"tenant": ""}, {"client": ""}, {"issuer": ""}, {"address": ""}):
        assert read_claims(CLAIMS, replace(RULES, **missing)) == Refused("not set up")  # type: ignore[arg-type]  # text fields
    assert read_claims({}, RULES) == Refused("nobody")


@pytest.mark.parametrize(
    ("roles", "role"),
    [
        (["Relaydeck.Viewer"], "viewer"),
        (["Relaydeck.Viewer", "Relaydeck.Admin", "Others"], "admin"),
        ("Relaydeck.Operator", "operator"),
        (["relaydeck.admin"], None),
        (["admin"], None),
        ([["Relaydeck.Admin"]], None),
        ({"Relaydeck.Admin": True}, None),
        (None, None),
    ],
    ids=str,
)
def test_a_role_is_one_of_ours_by_its_exact_value(roles: object, role: Role | None) -> None:
    found = login(roles=roles)
    judged = Sessions(RULES, Time()).judge(found)
    assert found.role == role
    assert judged == (
        Principal("o-1", "Olga", frozenset({role}), TENANT, found.key) if role else Refused("no role", "Olga")
    )


@pytest.mark.parametrize(
    ("later_s", "changed", "reason"),
    [
        (3_600, {}, "expired"),
        (28_800, {"exp": NOW_S + 90_000}, "too old"),
        (10, {"auth_time": NOW_S - 28_800}, "too old"),
        (0, {"iat": NOW_S + 301}, "too old"),
        (-NOW_S + 1, {}, "too old"),
    ],
    ids=["its own end", "the greatest age", "proved long ago", "from the future", "a clock set back"],
)
def test_a_sign_in_comes_to_its_end(later_s: float, changed: dict[str, object], reason: Reason) -> None:
    time = Time()
    sessions = Sessions(RULES, time)
    found = login(**changed)
    time.now_s += later_s
    assert sessions.judge(found) == Refused(reason, "Olga")


def test_a_sign_in_at_which_nobody_presses_anything_is_over_and_stays_so() -> None:
    """Timers look every second; only a person's press counts."""
    time, found = Time(), login(exp=NOW_S + 90_000)
    sessions = Sessions(RULES, time)
    for _ in range(3):
        time.now_s += 3_599
        assert isinstance(sessions.judge(found), Principal)
        sessions.touch(found)
    time.now_s += 1_800
    assert isinstance(sessions.judge(found), Principal)
    time.now_s += 1_800
    assert sessions.judge(found) == Refused("idle", "Olga")
    sessions.touch(found)
    assert sessions.judge(found) == Refused("idle", "Olga")
    assert isinstance(sessions.judge(login(iat=time.now_s, exp=time.now_s + 10)), Principal)


def test_signing_out_ends_every_copy_of_a_sign_in_and_no_other() -> None:
    sessions = Sessions(RULES, Time())
    copy, elsewhere = login(), login(uti="u2")
    sessions.end(login())
    assert sessions.judge(copy) == Refused("ended", "Olga")
    assert isinstance(sessions.judge(elsewhere), Principal)


def test_the_newest_sign_in_of_a_person_says_what_the_older_ones_may() -> None:
    """A role that was taken away is gone from open tabs as soon as we hear of it; one that was given is not theirs."""
    sessions = Sessions(RULES, Time())
    old = login(roles=["Relaydeck.Admin"])
    assert sessions.judge(old).roles == {"admin"}  # type: ignore[union-attr]  # a Principal, or it fails here
    newer = login(iat=NOW_S + 1, roles=["Relaydeck.Viewer"])
    assert sessions.judge(newer).roles == {"viewer"}  # type: ignore[union-attr]  # as above
    assert sessions.judge(old).roles == {"viewer"}  # type: ignore[union-attr]  # as above
    sessions.judge(login(iat=NOW_S + 2, roles=[]))
    assert sessions.judge(old) == Refused("no role", "Olga")
    given = login(iat=NOW_S + 3, roles=["Relaydeck.Admin"])
    assert sessions.judge(given).roles == {"admin"}  # type: ignore[union-attr]  # as above
    assert sessions.judge(newer).roles == {"viewer"}  # type: ignore[union-attr]  # as above


def test_all_sign_ins_from_before_a_moment_can_be_ended() -> None:
    sessions = Sessions(replace(RULES, not_before_s=NOW_S + 1), Time())
    assert sessions.judge(login()) == Refused("too old", "Olga")
    assert isinstance(sessions.judge(login(iat=NOW_S + 1)), Principal)


def test_the_header_of_easy_auth_is_read_by_its_long_names() -> None:
    rules = replace(RULES, mode="easyauth")
    long = "http://schemas.microsoft.com/identity/claims/"
    told = header(
        [
            ("aud", CLIENT),
            (f"{long}tenantid", TENANT.upper()),
            (f"{long}objectidentifier", "o-2"),
            ("name", "Vera"),
            ("iat", str(int(NOW_S))),
            ("http://schemas.microsoft.com/ws/2008/06/identity/claims/role", "Relaydeck.Viewer"),
            ("roles", "Others"),
        ]
    )
    found = read_claims(read_header(told), rules)
    assert isinstance(found, Login)
    assert (found.oid, found.name, found.role, found.ends_s) == ("o-2", "Vera", "viewer", None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no base64!",
        base64.b64encode(b"\xff\xfe").decode(),
        base64.b64encode(b"[]").decode(),
        base64.b64encode(b"null").decode(),
        base64.b64encode(b"{" * 9_000).decode(),
        header([], auth_typ="google"),
        header([], claims="x"),
        header([], claims=[{"typ": "oid"}]),
        header([("oid", "o")])[:-4],
        "A" * 200_000,
    ],
    ids=range(11),
)
def test_a_header_that_cannot_be_read_is_nobody(text: str) -> None:
    assert not read_header(text).get("tid")


@pytest.mark.parametrize(
    ("environ", "addresses", "refused"),
    [
        ({}, ["127.0.0.1", "::1", "localhost", "::ffff:127.0.0.1"], False),
        ({}, ["0.0.0.0"], True),
        ({}, ["::"], True),
        ({}, ["127.0.0.1", "10.0.0.4"], True),
        ({"CONTAINER_APP_NAME": "x"}, ["127.0.0.1"], True),
        ({"WEBSITE_SITE_NAME": "x"}, [], True),
        ({"IDENTITY_ENDPOINT": "http://localhost:42356/msi/token"}, [], True),
    ],
    ids=str,
)
def test_without_sign_in_only_this_machine_is_served(
    environ: dict[str, str], addresses: list[str], refused: bool
) -> None:
    assert bool(refusal("none", environ, addresses)) is refused
    assert not refusal("oidc", environ, addresses)


def test_the_platforms_headers_mean_something_only_where_its_proxy_stands() -> None:
    assert headers_are_the_platforms({"CONTAINER_APP_NAME": "x"})
    assert headers_are_the_platforms({"WEBSITE_SITE_NAME": "x", "WEBSITE_AUTH_ENABLED": "True"})
    for environ in (
        {},
        {"WEBSITE_SITE_NAME": "x"},
        {"WEBSITE_AUTH_ENABLED": "True"},
        {"IDENTITY_ENDPOINT": "x"},
    ):
        assert not headers_are_the_platforms(environ)


def test_a_mode_that_cannot_be_used_is_not_taken_for_none() -> None:
    """The other settings go on without it; the door must not."""
    for asked in ("odic", "EasyAuth", "oidc "):
        settings, _ = load_usable({"RELAYDECK_AUTH": asked})
        assert bool(misunderstood(auth_asked_for({"RELAYDECK_AUTH": asked}), settings.auth)) is (
            asked.strip() != "oidc"
        )
    assert not misunderstood(auth_asked_for({}), "none")


def test_names_are_not_looked_up_to_find_out_whether_they_are_here() -> None:
    assert not any(map(is_loopback, ["example.com", "", "127.0.0.1.example.com", "0.0.0.0", "2130706433"]))


def test_a_process_knows_what_it_listens_on() -> None:
    before = listening_on()
    with socket.create_server(("127.0.0.1", 0)):
        assert listening_on() >= {"127.0.0.1"}
    assert listening_on() == before


def test_the_rules_follow_the_settings() -> None:
    settings = load_settings(OIDC)
    rules = rules_of(settings)
    assert rules.complete and rules.address == "https://relaydeck.contoso.example"
    assert metadata_of(settings) == (
        f"https://login.microsoftonline.com/{TENANT}/v2.0/.well-known/openid-configuration"
    )


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"RELAYDECK_AUTH_TENANT_ID": "common"}, "RELAYDECK_AUTH_TENANT_ID has a value"),
        ({"RELAYDECK_AUTH_TENANT_ID": ""}, "Missing RELAYDECK_AUTH_TENANT_ID"),
        ({"RELAYDECK_AUTH_COOKIE_SECRET": "short"}, "RELAYDECK_AUTH_COOKIE_SECRET is too short"),
        ({"RELAYDECK_AUTH_ADDRESS": "http://relaydeck.contoso.example"}, "RELAYDECK_AUTH_ADDRESS must begin"),
        ({"RELAYDECK_AUTH_ADDRESS": "https://x.example/deck"}, "RELAYDECK_AUTH_ADDRESS must be an origin"),
        ({"RELAYDECK_AUTH_AUTHORITY": "https://login.evil.example"}, "RELAYDECK_AUTH_AUTHORITY is no"),
        (
            {"RELAYDECK_AUTH_AUTHORITY": "https://login.microsoftonline.com@evil.example"},
            "RELAYDECK_AUTH_AUTH",
        ),
        ({"RELAYDECK_AUTH_AUTHORITY": "http://login.microsoftonline.com"}, "RELAYDECK_AUTH_AUTHORITY is no"),
        ({"RELAYDECK_ROLE_VIEWER": "Relaydeck.Admin"}, "RELAYDECK_ROLE_VIEWER, RELAYDECK_ROLE_OPERATOR"),
        ({"RELAYDECK_AUTH_NOT_BEFORE": "2026-02-31T10:00"}, "RELAYDECK_AUTH_NOT_BEFORE is no moment"),
        ({"RELAYDECK_AUTH": "odic"}, "RELAYDECK_AUTH has a value"),
    ],
    ids=str,
)
def test_settings_that_would_let_in_others_or_nobody_are_told(changed: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**OIDC, **changed})
    (problem,) = caught.value.problems
    assert problem.startswith(told)
