"""Settings: every one in one place, read once at start-up, checked before anything else happens.

`python -m services.settings` prints the text of .env.example.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, TextIO

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from services import endpoints
from services.endpoints import AddressError
from services.errors import ConfigurationError
from services.prices import load_prices
from services.setting_words import default_text, describe_limits, example_file, setting
from services.signin import given as signin_given
from services.telemetry import connection

Mode = Literal["local", "azure"]
Switch = Literal["on", "off"]
AuditMode = Literal["auto", "on", "off"]
AuthMode = Literal["none", "easyauth", "oidc"]
LogFormat = Literal["text", "json"]
TeamMode = Literal["pooled", "per_query"]
WithoutSettings = Literal["doctor", "exit"]
REQUIRED_IN_AZURE = ("PROJECT_ENDPOINT_ENT", "MODEL_DEPLOYMENT_NAME", "STORAGE_SERVICE_ENDPOINT")
OTHER_NAMES = {"PROJECT_ENDPOINT_ENT": ("PROJECT_ENDPOINT",)}
MODEL_SERVER_EXAMPLE = "http://127.0.0.1:11434/v1"


class Settings(BaseModel):
    """What the operator chose. Names end with their unit; a field's alias is the environment variable.

    In local mode *project_endpoint*, *storage_endpoint* and *model* are empty until Local Azure runs: see at().
    """

    model_config = ConfigDict(
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
        extra="forbid",
        str_strip_whitespace=True,
    )

    mode: Mode = setting(
        "RELAYDECK_MODE", "local", "local: Local Azure on this machine. azure: the Azure project named below."
    )
    project_endpoint: str = setting(
        "PROJECT_ENDPOINT_ENT",
        "",
        "The Foundry project's endpoint; PROJECT_ENDPOINT is read too. Azure mode only.",
        examples=[endpoints.PROJECT_EXAMPLE],
    )
    model: str = setting(
        "MODEL_DEPLOYMENT_NAME",
        "",
        "The model deployment that the agents use. Azure mode only.",
        max_length=256,
        examples=["gpt-4o"],
    )
    storage_endpoint: str = setting(
        "STORAGE_SERVICE_ENDPOINT",
        "",
        "The queue endpoint of the storage account between agents and functions. Azure mode only.",
        examples=[endpoints.STORAGE_EXAMPLE],
    )
    without_settings: WithoutSettings = setting(
        "RELAYDECK_WITHOUT_SETTINGS",
        "doctor",
        "What a dashboard does while a setting is missing or wrong. doctor: it shows Doctor alone. exit: it ends with "
        "exit code 1, so that a new revision in Azure never replaces one that works.",
    )
    client_id: str = setting(
        "AZURE_CLIENT_ID",
        "",
        "The user-assigned managed identity to sign in with; empty: the identity that is found.",
    )
    trusted_hosts: str = setting(
        "RELAYDECK_TRUSTED_HOSTS",
        "",
        "Host name endings, separated by commas, that endpoints may have beside Azure's own.",
        examples=["privatelink.contoso.com"],
    )
    auth: AuthMode = setting(
        "RELAYDECK_AUTH",
        "none",
        "Who may use the dashboard. none: whoever sits at this machine; refused in Azure, and on any address but "
        "loopback. easyauth: whom Container Apps or App Service has signed in. oidc: who signs in at Entra ID.",
    )
    auth_tenant: str = setting(
        "RELAYDECK_AUTH_TENANT_ID",
        "",
        "The id of the only tenant whose people may sign in. Needed by easyauth and oidc.",
        pattern="^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        examples=["72f988bf-86f1-41af-91ab-2d7cd011db47"],
    )
    auth_client: str = setting(
        "RELAYDECK_AUTH_CLIENT_ID",
        "",
        "The application (client) id of the app registration that people sign in to. Needed by oidc; in easyauth it is "
        "checked when it is there.",
        pattern="^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        examples=["2f1c5f3a-7d0b-4a57-9a64-5e8f6b1c0d2e"],
    )
    auth_client_secret: SecretStr = setting(
        "RELAYDECK_AUTH_CLIENT_SECRET", SecretStr(""), "The client secret of that app registration, for oidc."
    )
    auth_cookie_secret: SecretStr = setting(
        "RELAYDECK_AUTH_COOKIE_SECRET",
        SecretStr(""),
        "What the cookie of oidc is signed with: at least 32 characters drawn by chance, the same for all replicas.",
    )
    auth_address: str = setting(
        "RELAYDECK_AUTH_ADDRESS",
        "",
        "The dashboard's own address as people type it, for oidc; /oauth2callback below it is the redirect URI.",
        examples=["https://relaydeck.contoso.com"],
    )
    auth_authority: str = setting(
        "RELAYDECK_AUTH_AUTHORITY",
        "https://login.microsoftonline.com",
        "Where oidc signs in; another one in sovereign clouds.",
    )
    auth_max_age_s: float = setting(
        "RELAYDECK_AUTH_MAX_AGE_S",
        28_800,
        "A sign-in is over so long after the person last proved who they are.",
        ge=60,
        le=604_800,
    )
    auth_idle_s: float = setting(
        "RELAYDECK_AUTH_IDLE_S",
        3_600,
        "A sign-in is over when nobody has pressed anything for so long; a page that refreshes itself does not count.",
        ge=60,
        le=86_400,
    )
    auth_not_before: str = setting(
        "RELAYDECK_AUTH_NOT_BEFORE",
        "",
        "Sign-ins from before this moment, in UTC, are over: how to end all of them at once. Empty: none are.",
        pattern="^(20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9])?$",
        examples=["2026-11-26T14:30"],
    )
    role_viewer: str = setting(
        "RELAYDECK_ROLE_VIEWER",
        "Relaydeck.Viewer",
        "The value of the app role whose holders may look at everything and change nothing.",
        pattern="^[A-Za-z0-9_.:-]{1,120}$",
    )
    role_operator: str = setting(
        "RELAYDECK_ROLE_OPERATOR",
        "Relaydeck.Operator",
        "The value of the app role whose holders may also ask, stop, replay and clean up what is Relaydeck's own.",
        pattern="^[A-Za-z0-9_.:-]{1,120}$",
    )
    role_admin: str = setting(
        "RELAYDECK_ROLE_ADMIN",
        "Relaydeck.Admin",
        "The value of the app role whose holders may do everything.",
        pattern="^[A-Za-z0-9_.:-]{1,120}$",
    )
    environment: str = setting(
        "RELAYDECK_ENVIRONMENT",
        "",
        "Which installation this is; agents are shared within it. Empty: local in local mode, else dev.",
        pattern="^[A-Za-z0-9_-]{0,32}$",
    )
    team: TeamMode = setting(
        "RELAYDECK_TEAM",
        "pooled",
        "pooled: agents are kept and shared by all questions. per_query: made for each question and deleted after it.",
    )
    team_size: int = setting(
        "RELAYDECK_TEAM_SIZE", 1, "How many orchestrators share the questions of a pooled team.", ge=1, le=16
    )
    index_calls_per_min: int = setting(
        "RELAYDECK_INDEX_CALLS_PER_MIN",
        240,
        "How many requests a minute the inventory may send to read threads and runs, while somebody looks at it.",
        ge=10,
        le=60_000,
    )
    answer_deadline_s: float = setting(
        "RELAYDECK_ANSWER_DEADLINE_S",
        120,
        "An answer that is not there by then is given up. Runs expire in Azure after 600 s.",
        ge=1,
        le=600,
    )
    tool_wait_s: float = setting(
        "RELAYDECK_TOOL_WAIT_S",
        60,
        "A function that has not answered by then is called silent.",
        ge=1,
        le=600,
    )
    slo_s: float = setting(
        "RELAYDECK_SLO_S",
        10,
        "How long an answer may take: the line in the charts, and what is called slow.",
        ge=0.1,
        le=600,
    )
    max_running: int = setting(
        "RELAYDECK_MAX_RUNNING", 8, "How many answers are worked on at once.", ge=1, le=64
    )
    max_waiting: int = setting(
        "RELAYDECK_MAX_WAITING",
        32,
        "How many questions may wait for their turn; more are refused.",
        ge=0,
        le=1000,
    )
    sweep: Switch = setting(
        "RELAYDECK_SWEEP",
        "on",
        "on: what is ours, expired and provably nobody's is deleted in the background. off: only on demand.",
    )
    sweep_every_s: float = setting(
        "RELAYDECK_SWEEP_EVERY_S", 300, "How often the sweeper looks.", ge=30, le=86_400
    )
    thread_retention_d: float = setting(
        "RELAYDECK_THREAD_RETENTION_D",
        0,
        "Conversations of this environment in which nothing ran for so many days are deleted by the sweeper. "
        "0: never.",
        ge=0,
        le=3650,
    )
    cleanup_per_s: float = setting(
        "RELAYDECK_CLEANUP_PER_S",
        250,
        "The most requests per second of a clean-up; it slows down by itself when the service says so.",
        ge=1,
        le=1000,
    )
    connect_timeout_s: float = setting(
        "RELAYDECK_CONNECT_TIMEOUT_S", 5, "How long a connection may take to come up.", ge=0.1, le=60
    )
    read_timeout_s: float = setting(
        "RELAYDECK_READ_TIMEOUT_S", 30, "The longest silence within one reply.", ge=0.1, le=300
    )
    stream_silence_s: float = setting(
        "RELAYDECK_STREAM_SILENCE_S",
        90,
        "The longest silence of a run's stream; after it the run is polled.",
        ge=1,
        le=600,
    )
    call_deadline_s: float = setting(
        "RELAYDECK_CALL_DEADLINE_S",
        30,
        "The whole of one call: all attempts, the waits between them, and the reply to its last byte.",
        ge=0.1,
        le=300,
    )
    call_retries: int = setting(
        "RELAYDECK_CALL_RETRIES", 3, "How often a failed call is repeated at most.", ge=0, le=10
    )
    retry_after_max_s: float = setting(
        "RELAYDECK_RETRY_AFTER_MAX_S",
        30,
        "The longest wait that a busy service may ask for; asked for more, the call fails at once.",
        ge=0,
        le=120,
    )
    retry_share: float = setting(
        "RELAYDECK_RETRY_SHARE",
        0.2,
        "Repeats per call in the long run (0.2: one in five), so that repeats cannot add to an overload.",
        ge=0,
        le=1,
    )
    breaker_failure_share: float = setting(
        "RELAYDECK_BREAKER_FAILURE_SHARE",
        0.5,
        "From this share of failures on, of the latest 20 calls, a service is left alone for a while.",
        gt=0,
        le=1,
    )
    breaker_min_calls: int = setting(
        "RELAYDECK_BREAKER_MIN_CALLS", 10, "Fewer calls than this never do that.", ge=1, le=20
    )
    breaker_window_s: float = setting(
        "RELAYDECK_BREAKER_WINDOW_S", 30, "Calls older than this do not count.", ge=1, le=600
    )
    breaker_open_s: float = setting(
        "RELAYDECK_BREAKER_OPEN_S",
        15,
        "How long a service is left alone before one call tries it again.",
        ge=0.1,
        le=600,
    )
    telemetry: Switch = setting(
        "RELAYDECK_TELEMETRY",
        "on",
        "on: answers and queues are told to Application Insights. off: nothing is.",
    )
    insights: SecretStr = setting(
        "APPLICATIONINSIGHTS_CONNECTION_STRING",
        SecretStr(""),
        "Where telemetry goes; empty: to the Application Insights resource connected to the Foundry project.",
        examples=[connection.EXAMPLE],
    )
    sampled_share: float = setting(
        "RELAYDECK_TELEMETRY_SHARE",
        1.0,
        "The share of answers that is told, each whole or not at all.",
        gt=0,
        le=1,
    )
    sample_s: float = setting(
        "RELAYDECK_SAMPLE_S", 15, "How often depth and age of the queues are measured.", ge=1, le=3600
    )
    record_content: bool = setting(
        "RELAYDECK_RECORD_CONTENT",
        False,
        "true: questions, answers, arguments and results are told, too. They may hold personal data.",
    )
    trace_context: bool = setting(
        "RELAYDECK_TRACE_CONTEXT",
        True,
        "Whether runs are told to pass the trace context on to the functions they call.",
    )
    log_format: LogFormat = setting(
        "RELAYDECK_LOG_FORMAT", "text", "text: one readable line an event. json: one object a line."
    )
    logs_workspace: str = setting(
        "RELAYDECK_LOGS_WORKSPACE",
        "",
        "The id of the Log Analytics workspace that holds the telemetry; empty: no history is shown. Azure mode only.",
        pattern="^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$",
        examples=["2f1c5f3a-7d0b-4a57-9a64-5e8f6b1c0d2e"],
    )
    logs_endpoint: str = setting(
        "RELAYDECK_LOGS_ENDPOINT",
        "https://api.loganalytics.io",
        "Where Log Analytics is asked; another one in sovereign clouds.",
        pattern="^https://[A-Za-z0-9.-]+(:[0-9]+)?$",
    )
    metrics_endpoint: str = setting(
        "RELAYDECK_METRICS_ENDPOINT",
        "",
        "Where Azure Monitor is asked for metrics: the address of the resources' region; empty: not asked. Azure mode only.",
        examples=[endpoints.METRICS_EXAMPLE],
    )
    storage_resource: str = setting(
        "RELAYDECK_STORAGE_RESOURCE_ID",
        "",
        "The resource id of the storage account, for its metrics; empty: not shown. Azure mode only.",
        examples=[endpoints.STORAGE_RESOURCE_EXAMPLE],
    )
    foundry_resource: str = setting(
        "RELAYDECK_FOUNDRY_RESOURCE_ID",
        "",
        "The resource id of the Foundry project, for its metrics; empty: not shown. Azure mode only.",
        examples=[endpoints.FOUNDRY_RESOURCE_EXAMPLE],
    )
    audit: AuditMode = setting(
        "RELAYDECK_AUDIT",
        "auto",
        "Whether every action is put on record before and after; one that cannot be does not happen. auto: on in local "
        "mode, and in Azure mode once the next four say where. on: it must be. off: nothing is recorded.",
    )
    audit_endpoint: str = setting(
        "RELAYDECK_AUDIT_ENDPOINT",
        "",
        "Where audit records go: the logs ingestion address of the data collection rule or its endpoint. Azure mode only.",
        examples=[endpoints.INGESTION_EXAMPLE],
    )
    audit_rule: str = setting(
        "RELAYDECK_AUDIT_RULE_ID",
        "",
        "The immutable id of the data collection rule that writes RelaydeckAudit_CL. Azure mode only.",
        pattern="^(dcr-[0-9a-f]{32})?$",
        examples=["dcr-0123456789abcdef0123456789abcdef"],
    )
    audit_stream: str = setting(
        "RELAYDECK_AUDIT_STREAM",
        "Custom-RelaydeckAudit_CL",
        "The stream of this rule that takes the records. Azure mode only.",
        pattern="^Custom-[A-Za-z0-9_]{1,100}$",
    )
    audit_key: SecretStr = setting(
        "RELAYDECK_AUDIT_KEY",
        SecretStr(""),
        "The secret that signs the chain of records, at least 16 characters, the same for all replicas. Keys that were "
        "used before may follow, after commas: they verify. Empty in local mode: made once, kept in the state folder.",
    )
    audit_deadline_s: float = setting(
        "RELAYDECK_AUDIT_DEADLINE_S",
        15,
        "An action whose intent is not on record by then is refused.",
        ge=0.1,
        le=120,
    )
    audit_retention_d: int = setting(
        "RELAYDECK_AUDIT_RETENTION_D",
        30,
        "For how many days the table keeps records: that older ones are gone is then no fault of the trail.",
        ge=2,
        le=4383,
    )
    prices: str = setting(
        "RELAYDECK_PRICES",
        "",
        "A TOML file with the price of each model, in USD; empty: no cost is shown.",
        max_length=1000,
        examples=["prices.toml"],
    )
    state_dir: Path = setting("RELAYDECK_STATE_DIR", Path(".relaydeck"), "Where Local Azure keeps its state.")
    seed: Switch = setting(
        "RELAYDECK_SEED",
        "on",
        "on: the first start of `run.py` puts a day of demo history, marked as such, into an empty Local Azure. "
        "off: it stays empty.",
    )
    local_model_url: str = setting(
        "RELAYDECK_LOCAL_MODEL_URL",
        "",
        "An OpenAI-compatible server as Local Azure's model; empty: the built-in rules.",
        examples=[MODEL_SERVER_EXAMPLE],
    )
    local_model_name: str = setting(
        "RELAYDECK_LOCAL_MODEL", "", "The model that this server is asked for.", examples=["qwen3:8b"]
    )
    local_model_key: SecretStr = setting(
        "RELAYDECK_LOCAL_MODEL_KEY", SecretStr(""), "Its API key, if it wants one."
    )
    local_think_s: float = setting(
        "RELAYDECK_LOCAL_THINK_S",
        0,
        "How long the built-in rules pretend to think before each turn.",
        ge=0,
        le=60,
    )

    @property
    def trusted_endings(self) -> tuple[str, ...]:
        """Return the host name endings of *trusted_hosts*."""
        return _endings(self.trusted_hosts)

    def at(self, *, project_endpoint: str, storage_endpoint: str, model: str) -> "Settings":
        """Return these settings with the addresses and the model deployment of a running Local Azure."""
        place = {"project_endpoint": project_endpoint, "storage_endpoint": storage_endpoint, "model": model}
        return self.model_copy(update=place)


def load_settings(environ: Mapping[str, str], env_file: Path | None = None) -> Settings:
    """Return the settings in *environ* and, for what is not there or empty, in *env_file*.

    Other variables are not looked at. In local mode the three Azure variables are left out, as Local Azure
    names its own. Raises ConfigurationError, whose `problems` holds one line for each setting to correct.
    """
    given = _gather(environ, env_file)
    problems: list[str] = []
    if given.get("RELAYDECK_MODE", "local").strip() == "azure":
        problems += [f"Missing {name}" for name in REQUIRED_IN_AZURE if name not in given]
    else:
        given = {name: value for name, value in given.items() if name not in REQUIRED_IN_AZURE}
    given.setdefault(
        "RELAYDECK_ENVIRONMENT", "dev" if "azure" in given.get("RELAYDECK_MODE", "") else "local"
    )
    problems += _normalise(given)
    try:
        settings = Settings.model_validate(given)
    except ValidationError as exc:
        problems += [
            _explain(str(error["loc"][0]), error["msg"]) for error in exc.errors(include_input=False)
        ]
    if problems:
        raise ConfigurationError(
            "\n".join(problems), operation="read the settings", problems=tuple(dict.fromkeys(problems))
        )
    return settings


def load_usable(environ: Mapping[str, str], env_file: Path | None = None) -> tuple[Settings, tuple[str, ...]]:
    """Return what load_settings() would, had it not failed: the settings without those that cannot be used, and one
    line for each of these. For Doctor, which looks at what is left. Raises nothing."""
    given = dict(environ)
    problems: tuple[str, ...] = ()
    for file in (env_file, None):  # without the file, should it be that which cannot be read
        try:
            return load_settings(given, file), problems
        except ConfigurationError as exc:
            problems = (*problems, *exc.problems)
        with suppress(ConfigurationError):
            given = _gather(given, file)
            break
    local = given.get("RELAYDECK_MODE", "local").strip() != "azure"
    for name in {*map(_named, problems), *(REQUIRED_IN_AZURE if local else ())}:
        given.pop(name, None)
    _normalise(given)  # what is wrong was taken out above
    given.setdefault("RELAYDECK_ENVIRONMENT", "dev" if given.get("RELAYDECK_MODE") == "azure" else "local")
    try:
        return Settings.model_validate(given), problems
    except ValidationError:  # a combination that no single name stands for
        return Settings(), problems


def auth_asked_for(environ: Mapping[str, str], env_file: Path | None = None) -> str:
    """Return what RELAYDECK_AUTH says, usable or not; empty when it says nothing. Raises ConfigurationError: the file cannot
    be read."""
    return _gather(environ, env_file).get("RELAYDECK_AUTH", "")


def _named(problem: str) -> str:
    """Return the setting that *problem* is about: its first word, but for `Missing`."""
    return problem.removeprefix("Missing ").partition(" ")[0].rstrip(",:")


def exit_on_problem(error: ConfigurationError, stream: TextIO) -> int:
    """Write each problem on a line of its own to *stream* and return the exit code, 1."""
    return tell_problems(error.problems or (error.message,), stream)


def tell_problems(problems: Sequence[str], stream: TextIO) -> int:
    """Do what exit_on_problem() does, for problems that were not raised."""
    stream.write("\n".join(problems) + "\n")
    stream.flush()
    return 1


def env_example() -> str:
    """Return the text of .env.example: every setting, its meaning, its limits and its default, all commented out."""
    return example_file(Settings.model_fields.values())


def _gather(environ: Mapping[str, str], env_file: Path | None) -> dict[str, str]:
    sources = [environ]
    if env_file is not None and env_file.is_file():
        try:
            found = dotenv_values(env_file, interpolate=False, encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as exc:
            problem = f"{env_file} cannot be read: {exc}. It must be a text file in UTF-8 that you may read."
            raise ConfigurationError(problem, operation="read the settings", problems=(problem,)) from exc
        sources.append({name: value for name, value in found.items() if value is not None})
    given: dict[str, str] = {}
    for field in Settings.model_fields.values():
        alias = str(field.alias)
        names = (alias, *OTHER_NAMES.get(alias, ()))
        value = next(
            (text for source in sources for name in names if (text := source.get(name, "").strip())), ""
        )
        if value:
            given[alias] = value
    return given


def _normalise(given: dict[str, str]) -> list[str]:
    """Bring the addresses in *given* into one form; return what is wrong with those that have none."""
    trusted = _endings(given.get("RELAYDECK_TRUSTED_HOSTS", ""))
    checks: dict[str, Callable[[str], str]] = {
        "PROJECT_ENDPOINT_ENT": lambda value: endpoints.project_endpoint(value, trusted),
        "STORAGE_SERVICE_ENDPOINT": lambda value: endpoints.storage_endpoint(value, trusted),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": lambda value: connection.check_connection_string(
            value, trusted
        ),
        "RELAYDECK_LOCAL_MODEL_URL": lambda value: endpoints.web_address(value, MODEL_SERVER_EXAMPLE),
        "RELAYDECK_AUTH_AUTHORITY": lambda value: signin_given.authority(value, trusted),
        "RELAYDECK_AUTH_ADDRESS": signin_given.public_address,
        "RELAYDECK_METRICS_ENDPOINT": lambda value: endpoints.metrics_endpoint(value, trusted),
        "RELAYDECK_AUDIT_ENDPOINT": lambda value: endpoints.ingestion_endpoint(value, trusted),
        "RELAYDECK_STORAGE_RESOURCE_ID": endpoints.storage_resource,
        "RELAYDECK_FOUNDRY_RESOURCE_ID": endpoints.foundry_resource,
    }
    problems = [
        *endpoints.half_of_metrics(given),
        *endpoints.half_of_audit(given),
        *signin_given.missing_or_wrong(given),
    ]
    for name, check in checks.items():
        if name in given:
            try:
                given[name] = check(given[name])
            except AddressError as exc:
                problems.append(f"{name} {exc}")
    try:
        load_prices(given.get("RELAYDECK_PRICES", ""))
    except ConfigurationError as exc:
        problems += exc.problems
    return problems


def _endings(given: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in given.split(",") if part.strip(" ."))


def _explain(name: str, reason: str) -> str:
    field = next((field for field in Settings.model_fields.values() if field.alias == name), None)
    if field is None:
        return f"{name}: {reason}."
    allowed = describe_limits(field) or reason
    example = (field.examples or [default_text(field)])[0]
    return f"{name} has a value that cannot be used. {allowed}. Example: {name}={example}"


if __name__ == "__main__":
    sys.stdout.write(env_example())
