"""App settings: the environment, and what local.settings.json adds to it."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from emulator.functions_host.errors import ConfigurationError

_PLACEHOLDER = re.compile(r"%([^%\s]+)%")


class Settings:
    """Names ignore case, and "__" and ":" both separate a section from its key, as in the real host."""

    def __init__(self, environment: Mapping[str, str], added: Mapping[str, str] | None = None) -> None:
        """*added* yields to *environment* where both name a setting."""
        self.added = {name: value for name, value in (added or {}).items() if name not in environment}
        self._values = {
            _normal(name): value for name, value in (dict(self.added) | dict(environment)).items()
        }

    def get(self, name: str) -> str | None:
        """Return the setting *name*; None when it is absent or empty."""
        return self._values.get(_normal(name)) or None

    def section(self, name: str) -> dict[str, str]:
        """Return the settings below *name* by their key in lower case."""
        prefix = _normal(name) + ":"
        return {
            key[len(prefix) :]: value
            for key, value in self._values.items()
            if key.startswith(prefix) and value
        }

    def expand(self, text: str, where: str) -> str:
        """Return *text* with every %SETTING% replaced. Raises ConfigurationError, which names *where*."""

        def replace(match: re.Match[str]) -> str:
            value = self.get(match[1])
            if value is None:
                raise ConfigurationError(f"{where} uses %{match[1]}%, but there is no setting {match[1]}.")
            return value

        return _PLACEHOLDER.sub(replace, text)


def load_settings(app: Path, environment: Mapping[str, str]) -> Settings:
    """Return the settings of the app in the folder *app*. Raises ConfigurationError."""
    path = app / "local.settings.json"
    if not path.exists():
        return Settings(environment)
    document = read_json(path)
    if document.get("IsEncrypted"):
        raise ConfigurationError(f"{path} is encrypted. Run `func settings decrypt` in its folder.")
    values = document.get("Values", {})
    if not isinstance(values, dict) or not all(isinstance(value, str) for value in values.values()):
        raise ConfigurationError(f'{path}: "Values" must be an object whose values are all text.')
    return Settings(environment, values)


def read_json(path: Path) -> dict[str, object]:
    """Return the JSON object in *path*. Raises ConfigurationError."""
    try:
        document = json.loads(path.read_text("utf-8-sig"))
    except FileNotFoundError as exc:
        raise ConfigurationError(f"{path} is missing. A function app needs one.") from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"{path} cannot be read: {exc}.") from exc
    except json.JSONDecodeError as exc:
        raise ConfigurationError(f"{path}, line {exc.lineno}: not JSON ({exc.msg}).") from exc
    if not isinstance(document, dict):
        raise ConfigurationError(f"{path} must hold a JSON object.")
    return document


def _normal(name: str) -> str:
    return name.replace("__", ":").lower()
