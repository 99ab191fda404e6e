"""host.json: the part that governs queue triggers, with overrides from the environment.

Source: learn.microsoft.com/azure/azure-functions/functions-host-json and functions-bindings-storage-queue
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from emulator.functions_host.errors import ConfigurationError
from emulator.functions_host.settings import Settings, read_json
from emulator.functions_host.timespans import parse_timespan_s

log = logging.getLogger(__name__)
OVERRIDE = "AzureFunctionsJobHost"
MIN_POLLING_INTERVAL_S = 0.1
MAX_BATCH_SIZE = 32  # what one request to a queue may ask for
MAX_THRESHOLD = 1000
UNLIMITED = "-1"
Encoding = Literal["base64", "none"]
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class HostFile:
    """Defaults are those of the real host. *function_timeout_s* is None when functions may run for ever."""

    batch_size: int = 16
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    visibility_timeout_s: float = 0.0
    max_polling_interval_s: float = 60.0
    message_encoding: Encoding = "base64"
    function_timeout_s: float | None = 300.0


DEFAULTS = HostFile()


def load_host_file(app: Path, settings: Settings) -> HostFile:
    """Return what host.json of the folder *app* and its overrides ask for. Raises ConfigurationError."""
    path = app / "host.json"
    document = read_json(path)
    if document.get("version") != "2.0":
        raise ConfigurationError(f'{path}: "version" must be "2.0".')
    reader = _Reader(path, document, settings)
    batch_size = reader.whole("batchSize", DEFAULTS.batch_size, 1, MAX_BATCH_SIZE)
    return HostFile(
        batch_size=batch_size,
        new_batch_threshold=reader.whole("newBatchThreshold", batch_size // 2, 0, MAX_THRESHOLD),
        max_dequeue_count=reader.whole("maxDequeueCount", DEFAULTS.max_dequeue_count, 1, 1000),
        visibility_timeout_s=reader.span_s("visibilityTimeout", DEFAULTS.visibility_timeout_s, 0, 7 * 86400),
        max_polling_interval_s=reader.span_s(
            "maxPollingInterval", DEFAULTS.max_polling_interval_s, MIN_POLLING_INTERVAL_S, 86400
        ),
        message_encoding=reader.encoding(),
        function_timeout_s=reader.function_timeout_s(),
    )


class _Reader:
    """Finds each option in the environment, else in the file, and says which when it is wrong."""

    def __init__(self, path: Path, document: dict[str, object], settings: Settings) -> None:
        self._path, self._settings, self._document = path, settings, document
        extensions = self._object(document, "extensions")
        self._queues = self._object(extensions, "queues", "extensions.")
        known = {"batchSize", "newBatchThreshold", "maxDequeueCount", "visibilityTimeout"}
        for name in self._queues.keys() - known - {"maxPollingInterval", "messageEncoding"}:
            log.warning("host_file.option_ignored", extra={"option": f"extensions.queues.{name}"})

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        def read(value: object) -> int:
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise ValueError("it must be a whole number")
            number = int(value)
            if not least <= number <= most:
                raise ValueError(f"it must be a whole number from {least} to {most}")
            return number

        return self._read(name, default, read)

    def span_s(self, name: str, default_s: float, least_s: float, most_s: float) -> float:
        def read(value: object) -> float:
            if not isinstance(value, str):
                raise ValueError('write it as "hh:mm:ss"')
            seconds = parse_timespan_s(value)
            if not least_s <= seconds <= most_s:
                raise ValueError(f"it must lie between {least_s:g} and {most_s:g} seconds")
            return seconds

        return self._read(name, default_s, read)

    def encoding(self) -> Encoding:
        def read(value: object) -> Encoding:
            wanted = str(value).lower()
            if wanted == "base64":
                return "base64"
            if wanted == "none":
                return "none"
            raise ValueError('it must be "base64" or "none"')

        return self._read("messageEncoding", DEFAULTS.message_encoding, read)

    def function_timeout_s(self) -> float | None:
        value, where = self._find("functionTimeout", self._document, "functionTimeout")
        if value is None:
            return DEFAULTS.function_timeout_s
        if value in (UNLIMITED, -1):
            return None
        try:
            seconds = parse_timespan_s(str(value))
        except ValueError as exc:
            raise ConfigurationError(f"{where}: {exc}.") from exc
        if seconds < 1:
            raise ConfigurationError(f"{where}: it must be at least one second.")
        return seconds

    def _read(self, name: str, default: Value, read: Callable[[object], Value]) -> Value:
        value, where = self._find(name, self._queues, f"extensions.queues.{name}")
        if value is None:
            return default
        try:
            return read(value)
        except ValueError as exc:
            raise ConfigurationError(f"{where} is {value!r}: {exc}.") from exc

    def _find(self, name: str, section: dict[str, object], dotted: str) -> tuple[object, str]:
        """Return the value of the option, None when it is set nowhere, and where it stands."""
        variable = "__".join([OVERRIDE, *dotted.split(".")])
        if (override := self._settings.get(variable)) is not None:
            return override, f"The setting {variable}"
        return section.get(name), f"{self._path}: {dotted}"

    def _object(self, parent: dict[str, object], name: str, prefix: str = "") -> dict[str, object]:
        value = parent.get(name, {})
        if not isinstance(value, dict):
            raise ConfigurationError(f'{self._path}: "{prefix}{name}" must be a JSON object.')
        return value
