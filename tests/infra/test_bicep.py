"""infra/ without Azure and without Microsoft's compiler: all that can be known of it here."""

import itertools
import re

import pytest
from streamlit import config
from streamlit.web.cli import main_run

from tests.infra.agreement import decorated, environment_of
from tests.infra.asked import Deployment
from tests.infra.bicep import INFRA, sources
from tests.infra.cases import CASES
from tests.infra.evaluate import deploy
from tests.infra.problems import all_problems, grants
from tests.infra.tables import GRANTS, ROLES
from tests.infra.types import BEYOND_THE_INDEX, index, wrong


@pytest.fixture(params=CASES)
def deployment(request: pytest.FixtureRequest) -> Deployment:
    return deploy(sources(), CASES[request.param])


def test_nothing_is_known_to_be_wrong() -> None:
    """Syntax, names, modules, types, versions, roles, keys, order, and agreement with the code, in all three sizes."""
    assert all_problems(sources()) == []


def test_every_module_is_part_of_the_largest_deployment() -> None:
    """A module that no size asks for would be checked by nobody."""
    found = deploy(sources(), CASES["prod"])
    asked = {one.where.partition(":")[0] for one in found.asked} | {
        "modules/private-endpoints.bicep",
        "modules/web-image.bicep",
    }

    assert asked == {name for name in sources() if name.endswith(".bicep")}


def test_each_role_that_may_be_given_is_given(deployment: Deployment) -> None:
    """The table of grants holds no right that nobody needs; who deploys gets roles only where somebody is named."""
    given = {(who, role) for who, role, _, _ in grants(deployment)}
    wanted = {pair for pair in GRANTS if pair[0] != "deployer" or ("deployer", "foundryUser") in given}

    assert given == wanted


def test_a_role_that_reads_keys_is_not_even_in_the_table() -> None:
    """Owner, Contributor, Storage Account Contributor, Cognitive Services Contributor."""
    powerful = {
        "8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "b24988ac-6180-42a0-ab88-20f7382dd24c",
        "17d1049b-9a84-46fb-8f53-869881c3d3ab",
        "25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68",
    }

    assert not powerful & set(ROLES.values())


def test_without_poison_desk_the_dashboard_receives_from_its_lease_only() -> None:
    """Whoever receives a message hides it from whom it is for."""
    found = deploy(sources(), {**CASES["dev"], "poisonDesk": False})
    scopes = {scope for who, role, scope, _ in grants(found) if who == "web" and "Contributor" in role}

    assert {re.sub(".*/", "", scope) for scope in scopes} == {"relaydeck-lease-dev›"}


def test_without_an_app_registration_nobody_outside_reaches_the_dashboard() -> None:
    found = deploy(sources(), CASES["dev"])
    app = next(one for one in found.asked if one.type == "Microsoft.App/containerApps")

    assert app.body["properties"]["configuration"]["ingress"]["external"] is False
    assert not [one for one in found.asked if one.type.endswith("/authConfigs")]


def test_with_one_everybody_signs_in_first() -> None:
    """No path is left out, but for the probe of Front Door where there is one."""
    for case, paths in (("test", []), ("prod", ["/_stcore/health"])):
        found = deploy(sources(), CASES[case])
        (auth,) = (one.body["properties"] for one in found.asked if one.type.endswith("/authConfigs"))

        assert auth["globalValidation"]["unauthenticatedClientAction"] == "RedirectToLoginPage"
        assert auth["globalValidation"]["excludedPaths"] == paths


def test_the_sizes_cost_and_keep_more_and_more() -> None:
    """dev goes to sleep and loses nothing that matters; prod stays, in several zones, with locks on conversations."""
    apps, locks = {}, {}
    for case in CASES:
        found = deploy(sources(), CASES[case])
        (app,) = (one for one in found.asked if one.type == "Microsoft.App/containerApps")
        apps[case] = app.body["properties"]["template"]["scale"]["minReplicas"]
        locks[case] = len([one for one in found.asked if one.type == "Microsoft.Authorization/locks"])

    assert apps == {"dev": 0, "test": 1, "prod": 2}
    assert locks == {"dev": 0, "test": 0, "prod": 2}


def test_functions_are_kept_ready_in_prod() -> None:
    """The first message after a pause would otherwise wait for half a minute and more."""
    found = deploy(sources(), CASES["prod"])
    (site,) = (one for one in found.asked if one.type == "Microsoft.Web/sites")
    ready = site.body["properties"]["functionAppConfig"]["scaleAndConcurrency"]["alwaysReady"]

    assert {one["name"] for one in ready} == {f"function:{name}" for name in decorated("function_name")}


def test_probes_come_with_the_dashboard_and_not_before() -> None:
    """The placeholder of the first provisioning answers no probe, and would never be called healthy."""
    for exists, expected in ((False, []), (True, ["/_stcore/health"] * 3)):
        found = deploy(sources(), {**CASES["dev"], "webExists": exists})
        (app,) = (one for one in found.asked if one.type == "Microsoft.App/containerApps")
        (container,) = app.body["properties"]["template"]["containers"]

        assert [probe["httpGet"]["path"] for probe in container["probes"]] == expected


def test_isolation_gives_every_store_a_private_address() -> None:
    """The queues among them: without theirs no trigger works."""
    found = deploy(sources(), CASES["prod"])
    groups = sorted(
        one.body["properties"]["privateLinkServiceConnections"][0]["properties"]["groupIds"][0]
        for one in found.asked
        if one.type == "Microsoft.Network/privateEndpoints"
    )

    assert groups == ["Sql", "account", "blob", "blob", "queue", "registry", "searchService", "vault"]


def test_front_door_and_dashboard_know_each_other() -> None:
    """The dashboard accepts the address, and both regions stand behind it in their order."""
    found = deploy(sources(), CASES["prod"])
    origins = [one.body["properties"] for one in found.asked if one.type.endswith("/origins")]

    assert [(one["priority"], one["hostName"]) for one in origins][1] == (2, "web-b.example.io")
    assert environment_of(found)["STREAMLIT_SERVER_ALLOWED_HOSTS"].endswith(".hostName")


def test_streamlit_reads_its_settings_as_they_are_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own command line: each variable is an option of it, and two hosts are two."""
    found = environment_of(deploy(sources(), CASES["prod"]))
    given = {name: value for name, value in found.items() if name.startswith("STREAMLIT_")}
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    read = main_run.make_context("run", [str(INFRA.parent / "app.py")]).params

    assert set(given) <= {option.env_var for option in config.get_config_options().values()}
    assert read["server_port"] == 8501 and read["server_address"] == "0.0.0.0"
    assert len(read["server_allowedHosts"]) == 2
    assert read["server_allowedHosts"][1] == read["browser_serverAddress"]


@pytest.mark.parametrize("size", ["dev", "test", "prod"])
def test_no_combination_of_switches_breaks_anything(size: str) -> None:
    """Not only the three that are looked at closely: each size with each switch that others depend on, on and off."""
    switches: dict[str, tuple[object, object]] = {
        "networkIsolation": (False, True),
        "secondaryHost": ("", "web-b.example.io"),
        "frontDoorHost": ("", "front.azurefd.net"),
        "authClientId": ("", "33333333-3333-3333-3333-333333333333"),
        "webExists": (False, True),
    }
    for chosen in itertools.product(*switches.values()):
        found = deploy(
            sources(), {**CASES["dev"], "environmentType": size, **dict(zip(switches, chosen, strict=True))}
        )

        assert found.problems == [], chosen
        assert [problem for asked in found.asked for problem in wrong(asked)] == [], chosen


def test_the_same_names_come_out_each_time() -> None:
    """Provisioning again changes what is there, and makes nothing anew."""
    first, second = deploy(sources(), CASES["prod"]), deploy(sources(), CASES["prod"])

    assert [(one.type, one.name) for one in first.asked] == [(one.type, one.name) for one in second.asked]


def test_the_index_holds_just_what_is_used() -> None:
    """Types that nothing uses any more would be carried along for ever."""
    from tests.infra.compile_types import used

    assert set(index()["types"]) == used()


def test_each_exception_from_the_index_is_still_needed() -> None:
    """Once the index knows it, the exception must go."""
    found = deploy(sources(), CASES["prod"])

    for kind, _ in BEYOND_THE_INDEX:
        assert [one for one in found.asked if one.type == kind]
    assert len(BEYOND_THE_INDEX) == 3
