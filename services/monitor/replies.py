"""What a reply of Azure Monitor must hold. The SDKs take what is missing for empty: a list, a text, no data."""

from collections.abc import Mapping, Sequence
from typing import Any

from azure.core.pipeline import PipelineResponse

from services.errors import ShapeError

Taken = Sequence[PipelineResponse[Any, Any]]


def check_logs(taken: Taken) -> None:
    """Raise ShapeError unless the latest reply answers a batch of queries; what a single item lacks is judged with it."""
    for item in _list(_document(taken), "responses"):
        body = _object(item, "an item of responses").get("body")
        if not isinstance(body, Mapping) or body.get("tables") is None:
            continue  # an error, or one that is told apart from the others later
        for table in _list(body, "tables"):
            found = _object(table, "a table")
            if not all(isinstance(row, list) for row in _list(found, "rows")):
                raise ShapeError("a row", "a list")
            for column in _list(found, "columns"):
                _text(_object(column, "a column"), "name")


def check_metrics(taken: Taken) -> None:
    """Raise ShapeError unless the latest reply tells of metrics, each with its series and their data."""
    for resource in _list(_document(taken), "values"):
        for one in _list(_object(resource, "an item of values"), "value"):
            metric = _object(one, "a metric")
            _text(_object(metric.get("name"), "the name of a metric"), "value")
            for series in _list(metric, "timeseries"):
                for point in _list(_object(series, "a series"), "data"):
                    _text(_object(point, "a point"), "timeStamp")


def _document(taken: Taken) -> Mapping[str, object]:
    return _object(taken[-1].http_response.json(), "the reply") if taken else {}


def _object(value: object, what: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise ShapeError(what, "an object")
    return value


def _list(source: Mapping[str, object], name: str) -> list[object]:
    value = source.get(name)
    if not isinstance(value, list):
        raise ShapeError(name, "a list")
    return value


def _text(source: Mapping[str, object], name: str) -> None:
    value = source.get(name)
    if not isinstance(value, str) or not value:
        raise ShapeError(name, "a text")
