"""Reads the settings from the environment and a file, once at start-up, and says in words what is wrong with them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from dotenv import dotenv_values
from pydantic import ValidationError

from services import endpoints
from services.endpoints import AddressError
from services.errors import ConfigurationError
from services.prices import load_prices
from services.redaction import learn_named
from services.setting_words import default_text, describe_limits
from services.settings import MODEL_SERVER_EXAMPLE, Settings, host_endings
from services.signin import given as signin_given
from services.telemetry import connection

REQUIRED_IN_AZURE = ("PROJECT_ENDPOINT_ENT", "MODEL_DEPLOYMENT_NAME", "STORAGE_SERVICE_ENDPOINT")
OTHER_NAMES = {"PROJECT_ENDPOINT_ENT": ("PROJECT_ENDPOINT",)}


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
    learn_named({**environ, **given})  # before anything can fail and be told
    return given


def _normalise(given: dict[str, str]) -> list[str]:
    """Bring the addresses in *given* into one form; return what is wrong with those that have none."""
    trusted = host_endings(given.get("RELAYDECK_TRUSTED_HOSTS", ""))
    checks: dict[str, Callable[[str], str]] = {
        "PROJECT_ENDPOINT_ENT": lambda value: endpoints.project_endpoint(value, trusted),
        "STORAGE_SERVICE_ENDPOINT": lambda value: endpoints.storage_endpoint(value, trusted),
        "APPLICATIONINSIGHTS_CONNECTION_STRING": lambda value: connection.check_connection_string(
            value, trusted
        ),
        "RELAYDECK_LOCAL_MODEL_URL": lambda value: endpoints.web_address(value, MODEL_SERVER_EXAMPLE),
        "RELAYDECK_AUTH_AUTHORITY": lambda value: signin_given.authority(value, trusted),
        "RELAYDECK_AUTH_ADDRESS": signin_given.public_address,
        "RELAYDECK_LOGS_ENDPOINT": lambda value: endpoints.logs_endpoint(value, trusted),
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


def _explain(name: str, reason: str) -> str:
    field = next((field for field in Settings.model_fields.values() if field.alias == name), None)
    if field is None:
        return f"{name}: {reason}."
    allowed = describe_limits(field) or reason
    example = (field.examples or [default_text(field)])[0]
    return f"{name} has a value that cannot be used. {allowed}. Example: {name}={example}"
