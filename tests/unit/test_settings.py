"""Settings: what is missing or wrong is said at start-up, in the words of the setting's own name."""

import io
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.errors import ConfigurationError
from services.setting_words import default_text
from services.settings import Settings, env_example
from services.settings_source import exit_on_problem, load_settings, load_usable

ROOT = Path(__file__).parents[2]
AZURE = {
    "RELAYDECK_MODE": "azure",
    "PROJECT_ENDPOINT_ENT": "https://contoso.services.ai.azure.com/api/projects/support",
    "MODEL_DEPLOYMENT_NAME": "gpt-4o",
    "STORAGE_SERVICE_ENDPOINT": "https://contosotools.queue.core.windows.net",
}


def problems(environ: dict[str, str], env_file: Path | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ, env_file)
    return caught.value.problems


@pytest.mark.parametrize(
    "name", ["PROJECT_ENDPOINT_ENT", "MODEL_DEPLOYMENT_NAME", "STORAGE_SERVICE_ENDPOINT"]
)
def test_a_missing_setting_is_named_on_stderr_and_ends_the_start(name: str) -> None:
    """Scripts around the original wait for exactly this line and exit code 1."""
    environ = {key: value for key, value in AZURE.items() if key != name}
    written = io.StringIO()

    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)

    assert exit_on_problem(caught.value, written) == 1
    assert written.getvalue() == f"Missing {name}\n"


def test_all_missing_settings_are_named_at_once() -> None:
    """Nobody should have to start three times to learn of three settings."""
    assert problems({"RELAYDECK_MODE": "azure"}) == (
        "Missing PROJECT_ENDPOINT_ENT",
        "Missing MODEL_DEPLOYMENT_NAME",
        "Missing STORAGE_SERVICE_ENDPOINT",
    )


def test_an_empty_setting_is_a_missing_one() -> None:
    """A shell's `export NAME=` must not pass for a value."""
    assert problems({**AZURE, "MODEL_DEPLOYMENT_NAME": "  "}) == ("Missing MODEL_DEPLOYMENT_NAME",)


def test_azure_mode_takes_the_three_names_of_the_original() -> None:
    """A working environment of the original script must work unchanged."""
    settings = load_settings(AZURE)

    assert settings.project_endpoint == AZURE["PROJECT_ENDPOINT_ENT"]
    assert (settings.model, settings.environment) == ("gpt-4o", "dev")
    assert settings.storage_endpoint == AZURE["STORAGE_SERVICE_ENDPOINT"]


def test_the_name_that_microsofts_samples_use_is_read_too() -> None:
    """PROJECT_ENDPOINT is what azd writes; the original's own name wins over it."""
    sample = {**AZURE, "PROJECT_ENDPOINT": "https://other.services.ai.azure.com/api/projects/x"}

    assert load_settings(sample).project_endpoint == AZURE["PROJECT_ENDPOINT_ENT"]
    del sample["PROJECT_ENDPOINT_ENT"]
    assert load_settings(sample).project_endpoint == sample["PROJECT_ENDPOINT"]


def test_local_mode_needs_nothing_and_ignores_azures_addresses() -> None:
    """Two commands after a clone: also on a machine whose shell still has another project's variables."""
    settings = load_settings({"STORAGE_SERVICE_ENDPOINT": "nonsense", "PROJECT_ENDPOINT_ENT": "too"})

    assert (settings.mode, settings.storage_endpoint, settings.environment) == ("local", "", "local")


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("http://contoso.services.ai.azure.com/api/projects/p", "must start with https://"),
        ("contoso.services.ai.azure.com", "must start with https://"),
        ("https:///api/projects/p", "has no host"),
        ("https://example.org/api/projects/p", "not Azure's: example.org"),
        ("https://services.ai.azure.com.example.org/api/projects/p", "not Azure's"),
        ("https://me:secret@contoso.services.ai.azure.com/api/projects/p", "must not hold a user name"),
        ("https://contoso.services.ai.azure.com", "does not name a project"),
        ("https://your-project.cognitiveservices.azure.com/", "/api/projects/<project name>"),
        ("https://contoso.services.ai.azure.com/api/projects/", "does not name a project"),
        ("https://contoso.services.ai.azure.com/api/projects/p/agents", "does not name a project"),
        ("https://contoso.services.ai.azure.com:x/api/projects/p", "is not an address"),
    ],
)
def test_a_wrong_project_endpoint_is_refused_with_a_right_one(value: str, told: str) -> None:
    """The SDK takes any text and fails later, at the first question, in words that help nobody."""
    (problem,) = problems({**AZURE, "PROJECT_ENDPOINT_ENT": value})

    assert problem.startswith("PROJECT_ENDPOINT_ENT ") and told in problem
    assert "https://contoso.services.ai.azure.com/api/projects/support" in problem
    assert "secret" not in problem


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ("https://acct.blob.core.windows.net", "is the blob endpoint of the account"),
        ("https://acct.table.core.windows.net/", "is the table endpoint of the account"),
        ("http://acct.queue.core.windows.net", "must start with https://"),
        ("https://acct.queue.core.windows.net/azure-function-foo-input", "must end after the host"),
        ("https://acct.queue.core.windows.net?sv=2024&sig=geheim", "SAS token"),
        ("https://acct.core.windows.net", "is not a queue endpoint"),
        ("https://acct.queue.example.org", "not Azure's"),
        ("https://127.0.0.1:10001", "lacks the account"),
    ],
)
def test_a_wrong_storage_endpoint_is_refused_with_a_right_one(value: str, told: str) -> None:
    """Above all the blob endpoint, which the portal shows first."""
    (problem,) = problems({**AZURE, "STORAGE_SERVICE_ENDPOINT": value})

    assert problem.startswith("STORAGE_SERVICE_ENDPOINT ") and told in problem
    assert "https://" in problem and "geheim" not in problem


def test_the_blob_endpoints_own_queue_endpoint_is_proposed() -> None:
    """The message can be pasted into the setting."""
    (problem,) = problems({**AZURE, "STORAGE_SERVICE_ENDPOINT": "https://acct.blob.core.windows.net"})

    assert problem.endswith("https://acct.queue.core.windows.net")


@pytest.mark.parametrize(
    ("project", "storage"),
    [
        ("https://a.services.ai.azure.us/api/projects/p", "https://acct.queue.core.usgovcloudapi.net"),
        ("https://a.services.ai.azure.cn/api/projects/p", "https://acct.queue.core.chinacloudapi.cn"),
        ("https://a.cognitiveservices.azure.com/api/projects/p", "https://acct.z01.queue.storage.azure.net"),
        ("https://127.0.0.1:8443/api/projects/local", "https://127.0.0.1:8443/devstoreaccount1"),
    ],
    ids=["us-government", "china", "other-hosts", "local"],
)
def test_other_clouds_and_this_machine_are_accepted(project: str, storage: str) -> None:
    """Sovereign clouds have hosts of their own; the contract tests run azure mode against this machine."""
    given = {"PROJECT_ENDPOINT_ENT": project + "/", "STORAGE_SERVICE_ENDPOINT": storage + "/"}
    settings = load_settings({**AZURE, **given})

    assert (settings.project_endpoint, settings.storage_endpoint) == (project, storage)


def test_a_private_domain_is_accepted_once_it_is_trusted() -> None:
    """A token must not be sent to a mistyped host; whoever has a domain of their own says so."""
    private = "https://foundry.corp.example/api/projects/p"

    assert "RELAYDECK_TRUSTED_HOSTS" in problems({**AZURE, "PROJECT_ENDPOINT_ENT": private})[0]
    trusted = {**AZURE, "PROJECT_ENDPOINT_ENT": private, "RELAYDECK_TRUSTED_HOSTS": "x.example, corp.example"}
    assert load_settings(trusted).project_endpoint == private


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("RELAYDECK_MODE", "cloud", "One of: local, azure"),
        ("RELAYDECK_TEAM", "none", "One of: pooled, per_query"),
        ("RELAYDECK_TEAM_SIZE", "0", "1 to 16"),
        ("RELAYDECK_TEAM_SIZE", "many", "1 to 16"),
        ("RELAYDECK_ANSWER_DEADLINE_S", "nan", "1 to 600"),
        ("RELAYDECK_LOCAL_MODEL_URL", "127.0.0.1:11434", "http://127.0.0.1:11434/v1"),
        ("RELAYDECK_LOCAL_MODEL_URL", "http://", "not an http or https address"),
    ],
)
def test_a_value_out_of_range_is_refused_with_what_is_allowed(name: str, value: str, allowed: str) -> None:
    """The operator corrects it without opening the documentation."""
    (problem,) = problems({name: value})

    assert problem.startswith(name) and allowed in problem


def test_every_problem_is_told_at_once() -> None:
    """Missing, malformed and out of range, in one start."""
    environ = {"RELAYDECK_MODE": "azure", "STORAGE_SERVICE_ENDPOINT": "x", "RELAYDECK_MAX_RUNNING": "0"}

    assert [problem.split(" ")[0] for problem in problems(environ)] == [
        "Missing",
        "Missing",
        "STORAGE_SERVICE_ENDPOINT",
        "RELAYDECK_MAX_RUNNING",
    ]


def test_the_environment_wins_over_the_env_file(tmp_path: Path) -> None:
    """As with every tool that reads .env; `$` in a key stays as it is."""
    file = tmp_path / ".env"
    file.write_text("RELAYDECK_TEAM_SIZE=3\nRELAYDECK_MAX_RUNNING=5\nRELAYDECK_LOCAL_MODEL_KEY=a$HOME\n")

    settings = load_settings({"RELAYDECK_TEAM_SIZE": "2"}, file)

    assert (settings.team_size, settings.max_running) == (2, 5)
    assert settings.local_model_key.get_secret_value() == "a$HOME"


def test_an_env_file_that_is_no_text_is_refused_by_name(tmp_path: Path) -> None:
    """A .env saved as UTF-16 by an editor is a common way to lose an hour."""
    file = tmp_path / ".env"
    file.write_bytes("RELAYDECK_TEAM_SIZE=3".encode("utf-16"))

    (problem,) = problems({}, file)

    assert str(file) in problem and "UTF-8" in problem


def test_no_secret_shows_in_what_settings_print() -> None:
    """repr() ends up in logs, validation errors on screens."""
    settings = load_settings({"RELAYDECK_LOCAL_MODEL_KEY": "geheim"})

    assert "geheim" not in repr(settings)
    with pytest.raises(ValidationError) as caught:
        Settings(local_model_key="geheim", team_size=99)  # type: ignore[arg-type]  # as pydantic converts it
    assert "geheim" not in str(caught.value)


def test_settings_do_not_change_while_running() -> None:
    """Pages of several sessions read the same object."""
    with pytest.raises(ValidationError):
        load_settings({}).team_size = 2


def test_a_running_local_azure_fills_in_its_addresses() -> None:
    """Everything after start-up reads the three addresses in one way, whatever the mode."""
    settings = load_settings({}).at(project_endpoint="https://p", storage_endpoint="https://s", model="m")

    assert (settings.project_endpoint, settings.storage_endpoint, settings.model) == (
        "https://p",
        "https://s",
        "m",
    )


def test_the_example_file_is_the_generated_one() -> None:
    """Regenerate it: python -m services.settings > .env.example"""
    assert (ROOT / ".env.example").read_text() == env_example()


def test_every_setting_is_documented_with_its_default() -> None:
    """A setting nobody can find does not exist."""
    text = (ROOT / "docs" / "configuration.md").read_text()
    rows = {line.split("|")[1].strip(" `"): line for line in text.splitlines() if line.startswith("| `")}
    fields = {str(field.alias): field for field in Settings.model_fields.values()}

    assert rows.keys() == fields.keys()
    for alias, field in fields.items():
        shown = rows[alias].split("|")[3].strip(" `")
        assert shown == (default_text(field) or "none"), alias


def test_usable_settings_are_those_without_what_is_wrong() -> None:
    """Doctor looks at what the others lead to."""
    given = {
        **AZURE,
        "RELAYDECK_TEAM_SIZE": "99",
        "STORAGE_SERVICE_ENDPOINT": "http://x",
        "RELAYDECK_SLO_S": "7",
    }
    settings, problems = load_usable(given)

    assert [problem.partition(" ")[0] for problem in problems] == [
        "STORAGE_SERVICE_ENDPOINT",
        "RELAYDECK_TEAM_SIZE",
    ]
    assert (settings.mode, settings.team_size, settings.slo_s) == ("azure", 1, 7)
    assert (settings.project_endpoint, settings.storage_endpoint) == (AZURE["PROJECT_ENDPOINT_ENT"], "")


def test_usable_settings_are_all_of_them_when_nothing_is_wrong() -> None:
    assert load_usable(AZURE) == (load_settings(AZURE), ())


def test_a_file_that_cannot_be_read_leaves_the_environment_usable(tmp_path: Path) -> None:
    (file := tmp_path / ".env").write_bytes(b"RELAYDECK_TEAM_SIZE=\xff\xfe")
    settings, problems = load_usable({"RELAYDECK_SLO_S": "7", "PROJECT_ENDPOINT_ENT": "x"}, file)
    assert len(problems) == 1 and "cannot be read" in problems[0]
    assert (settings.slo_s, settings.project_endpoint) == (7, "")
