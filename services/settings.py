"""Settings: every one in one place. services/settings_source.py reads them.

`python -m services.settings` prints the text of .env.example.
"""

import sys
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr

from services import endpoints
from services.setting_words import example_file, setting
from services.telemetry import connection

Mode = Literal["local", "azure"]
Switch = Literal["on", "off"]
AuditMode = Literal["auto", "on", "off"]
AuthMode = Literal["none", "easyauth", "oidc"]
LogFormat = Literal["text", "json"]
TeamMode = Literal["pooled", "per_query"]
WithoutSettings = Literal["doctor", "exit"]
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
    page_wait_s: float = setting(
        "RELAYDECK_PAGE_WAIT_S",
        1.5,
        "How long a page waits for what it reads; then it is drawn with what is known, and again when more has come.",
        ge=0.1,
        le=60,
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
    retry_saved: float = setting(
        "RELAYDECK_RETRY_SAVED",
        10,
        "How many repeats may be saved up for a bad moment, and are there at the start.",
        ge=1,
        le=1000,
    )
    retry_first_s: float = setting(
        "RELAYDECK_RETRY_FIRST_S",
        0.2,
        "The longest wait before the first repeat; each further one waits up to twice as long. The wait is drawn at "
        "random, from zero up.",
        gt=0,
        le=10,
    )
    retry_longest_s: float = setting(
        "RELAYDECK_RETRY_LONGEST_S",
        5,
        "The longest wait before any repeat that nobody asked for.",
        gt=0,
        le=60,
    )
    look_up_wait_s: float = setting(
        "RELAYDECK_LOOK_UP_WAIT_S",
        1.5,
        "For how long a thing whose creation got no answer is looked for before it is created again. 0: once.",
        ge=0,
        le=30,
    )
    token_deadline_s: float = setting(
        "RELAYDECK_TOKEN_DEADLINE_S", 15, "How long signing in may take.", ge=0.1, le=300
    )
    logs_deadline_s: float = setting(
        "RELAYDECK_LOGS_DEADLINE_S",
        30,
        "How long a query of the logs may take with all that belongs to it; the workspace is given 5 s less.",
        ge=6,
        le=300,
    )
    metrics_deadline_s: float = setting(
        "RELAYDECK_METRICS_DEADLINE_S", 20, "How long reading a metric may take.", ge=0.1, le=300
    )
    ingestion_deadline_s: float = setting(
        "RELAYDECK_INGESTION_DEADLINE_S",
        10,
        "How long handing over one batch of telemetry may take.",
        ge=0.1,
        le=300,
    )
    breaker_failure_share: float = setting(
        "RELAYDECK_BREAKER_FAILURE_SHARE",
        0.5,
        "From this share of failures on, of the latest calls, a service is left alone for a while.",
        gt=0,
        le=1,
    )
    breaker_calls: int = setting(
        "RELAYDECK_BREAKER_CALLS", 20, "How many calls these latest ones are at most.", ge=20, le=1000
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
    breaker_spread: float = setting(
        "RELAYDECK_BREAKER_SPREAD",
        0.2,
        "The share by which that while is made longer or shorter at random, so that several Relaydecks do not come back "
        "together.",
        ge=0,
        le=0.5,
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
        return host_endings(self.trusted_hosts)

    def at(self, *, project_endpoint: str, storage_endpoint: str, model: str) -> "Settings":
        """Return these settings with the addresses and the model deployment of a running Local Azure."""
        place = {"project_endpoint": project_endpoint, "storage_endpoint": storage_endpoint, "model": model}
        return self.model_copy(update=place)


def env_example() -> str:
    """Return the text of .env.example: every setting, its meaning, its limits and its default, all commented out."""
    return example_file(Settings.model_fields.values())


def host_endings(given: str) -> tuple[str, ...]:
    """Return the host name endings that *given* lists."""
    return tuple(part.strip() for part in given.split(",") if part.strip(" ."))


if __name__ == "__main__":
    sys.stdout.write(env_example())
