"""Azure Monitor's metrics of our resources, shared by all who look at them.

REST: https://learn.microsoft.com/rest/api/monitor/metrics-batch/batch
"""

import json
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from azure.core.pipeline import PipelineResponse

from services.errands import Errands
from services.errors import InvalidInput, NotYet, ServiceError, ShapeError, Throttled
from services.monitor.platform import Aggregation, Resource
from services.monitor.replies import check_metrics
from services.monitor.results import Result, Row
from services.resilience import Resilience

if TYPE_CHECKING:  # imported when something is asked, which most pages never do
    from azure.monitor.querymetrics import Metric, MetricsQueryResult

log = logging.getLogger(__name__)
API_VERSION = "2024-02-01"
SOURCE = "Azure Monitor metrics"
READING = "read the metric"
DEADLINE_S = 20.0
TRIED = timedelta(minutes=5)
KEPT_RESULTS = 100
MOST_SERIES = 10
LOCKS = 16
_ORDER_WORDS = {"Total": "sum"}


class MetricsClient(Protocol):
    """What is used of azure.monitor.querymetrics.MetricsClient."""

    def query_resources(self, *args: Any, **options: Any) -> "list[MetricsQueryResult]": ...


@dataclass(frozen=True, slots=True)
class MetricAsk:
    """One metric of one resource. *split*: the dimension to tell apart; empty: none. *label*: as in an Ask of logs."""

    resource: Resource
    metric: str
    aggregation: Aggregation
    grain: timedelta
    start: datetime
    end: datetime
    split: str = ""
    label: str = ""

    @property
    def key(self) -> tuple[str, ...]:
        """Return what makes it the same question when its range has moved on."""
        grain_s = str(self.grain.total_seconds())
        return self.resource.id, self.metric, self.aggregation, self.split, grain_s, self.label


@dataclass(frozen=True, slots=True)
class RestCall:
    """A request as it goes out, without the header that signs it."""

    method: str
    url: str
    body: str

    @property
    def text(self) -> str:
        """Return it as one reads it, a parameter a line, which the `.http` files of editors take as it is."""
        url = self.url.replace("?", "\n  ?").replace("&", "\n  &")
        return f"{self.method} {url}\nContent-Type: application/json\n\n{self.body}"


class MetricsService:
    """Asks for metrics. Threads share it; results are kept for *fresh_s* and shared by all viewers.

    *client*: made at the first question. *endpoint*: where it asks, for the call that is shown. *deadline_s*: of one call.
    """

    def __init__(
        self,
        client: Callable[[], MetricsClient],
        endpoint: str,
        resources: Sequence[Resource],
        resilience: Resilience,
        now: Callable[[], datetime],
        *,
        fresh_s: float = 30.0,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self.resources = tuple(resources)
        self._make_client, self._endpoint = client, endpoint
        self._resilience, self._now, self._fresh_s = resilience, now, fresh_s
        self._client: MetricsClient | None = None
        self._kept: OrderedDict[tuple[str, ...], Result] = OrderedDict()
        self._lock = threading.Lock()
        self._asking = [threading.Lock() for _ in range(LOCKS)]
        self._errands: Errands[Result] = Errands()

    def ask(self, ask: MetricAsk, *, wait_s: float | None = None) -> Result:
        """Return the metric's rows: `bucket` (datetime), `series` (text, empty without a split), `value` (None: no data).

        Never raises ServiceErrors: a result says what failed. Sends one request, none for what was read less than
        *fresh_s* ago; whoever asks the same meanwhile shares it. With *wait_s* nobody waits longer than that: the
        problem of what has not come by then is NotYet, and what was read before stands in for it.
        """
        if (kept := self._fresh(ask)) is not None:
            return kept
        if wait_s is None:
            return self._ask(ask)
        try:
            return self._errands.send(ask.key, "What Azure Monitor measured", lambda: self._ask(ask)).wait(
                wait_s
            )
        except NotYet as error:
            return self._fresh(ask) or self._instead(ask, error)

    def _ask(self, ask: MetricAsk) -> Result:
        with self._asking[hash(ask.key) % LOCKS]:
            if (kept := self._fresh(ask)) is not None:
                return kept
            return self._read(ask)

    def try_it(self) -> Result:
        """Return what one metric of the first resource brings: one request. Never raises ServiceErrors."""
        resource, now = self.resources[0], self._now()
        metric = next(iter(resource.metrics.values()))
        grain = max(metric.finest, TRIED)
        return self.ask(MetricAsk(resource, metric.name, metric.aggregations[0], grain, now - grain, now))

    def call_for(self, ask: MetricAsk) -> RestCall:
        """Return the request that asks *ask*. Sends nothing."""
        subscription = ask.resource.id.split("/")[2]
        parameters = "&".join(f"{name}={quote(value, safe='')}" for name, value in _parameters(ask))
        body = json.dumps({"resourceids": [ask.resource.id]})
        url = f"{self._endpoint}/subscriptions/{subscription}/metrics:getBatch?{parameters}"
        return RestCall("POST", url, body)

    def _fresh(self, ask: MetricAsk) -> Result | None:
        with self._lock:
            kept = self._kept.get(ask.key)
        if kept is None or kept.read_at is None:
            return None
        return kept if (self._now() - kept.read_at).total_seconds() < self._fresh_s else None

    def _read(self, ask: MetricAsk) -> Result:
        try:
            _check(ask)
            rows = self._resilience.read(
                READING, ask.metric, lambda: self._send(ask), deadline_s=self._deadline_s
            )
        except ServiceError as error:
            log.info("metrics.failed", extra={"metric": ask.metric, "reason": error.message})
            return self._instead(ask, error)
        known = any(row["value"] is not None for row in rows)
        result = Result(
            ask.metric, "ok" if known else "empty", rows if known else (), self._now(), source=SOURCE
        )
        with self._lock:
            self._kept[ask.key] = result
            self._kept.move_to_end(ask.key)
            while len(self._kept) > KEPT_RESULTS:
                self._kept.popitem(last=False)
        return result

    def _send(self, ask: MetricAsk) -> tuple[Row, ...]:
        if self._client is None:
            self._client = self._make_client()
        taken: list[PipelineResponse[Any, Any]] = []
        split: dict[str, Any] = {}
        if ask.split:
            split = {"filter": _filter(ask), "max_results": MOST_SERIES, "order_by": _order(ask)}
        found = self._client.query_resources(
            resource_ids=[ask.resource.id],
            metric_namespace=ask.resource.namespace,
            metric_names=[ask.metric],
            timespan=(_start(ask), _end(ask)),
            granularity=ask.grain,
            aggregations=[ask.aggregation],
            raw_response_hook=taken.append,
            **split,
        )
        check_metrics(taken)
        if len(found) != 1:
            raise ShapeError("the reply", "one result for one resource")
        metric = next((one for one in found[0].metrics if one.name == ask.metric), None)
        if metric is None:
            raise ShapeError("the reply", f"about {ask.metric}")
        return tuple(_rows(metric, ask))

    def _instead(self, ask: MetricAsk, error: ServiceError) -> Result:
        """Return what was read before, marked stale; else the failure itself."""
        with self._lock:
            kept = self._kept.get(ask.key)
        if kept is not None:
            return replace(kept, state="stale", problem=error)
        state = "throttled" if isinstance(error, Throttled) else "failed"
        return Result(ask.metric, state, problem=error, source=SOURCE)  # type: ignore[arg-type]  # two literals


def _rows(metric: "Metric", ask: MetricAsk) -> Iterator[Row]:
    field = ask.aggregation.lower()
    for one in metric.timeseries:
        series = str(one.metadata_values.get(ask.split) or "not told") if ask.split else ""
        for point in one.data:
            value = getattr(point, field)
            if value is not None and (not isinstance(value, int | float) or isinstance(value, bool)):
                raise ShapeError(f"a value of {ask.metric}", "a number")
            if not isinstance(point.timestamp, datetime):
                raise ShapeError(f"a time of {ask.metric}", "a time")
            at = point.timestamp if point.timestamp.tzinfo else point.timestamp.replace(tzinfo=UTC)
            yield {"bucket": at, "series": series, "value": None if value is None else float(value)}


def _check(ask: MetricAsk) -> None:
    """Raise InvalidInput when the metric does not support what is asked: no request is needed to know."""
    metric = ask.resource.metrics.get(ask.metric)
    wrong = ""
    if metric is None:
        wrong = f"{ask.resource.title} has no metric {ask.metric}"
    elif ask.aggregation not in metric.aggregations:
        wrong = f"{ask.metric} has no {ask.aggregation}, only {', '.join(metric.aggregations)}"
    elif ask.split and ask.split not in metric.dimensions:
        wrong = f"{ask.metric} cannot be split by {ask.split}, only by {', '.join(metric.dimensions) or 'nothing'}"
    elif ask.grain < metric.finest:
        wrong = f"{ask.metric} is kept every {duration_word(metric.finest)} at the finest"
    if wrong:
        raise InvalidInput(
            f"This cannot be asked of Azure Monitor: {wrong}.", operation=READING, resource=ask.metric
        )


def _parameters(ask: MetricAsk) -> Iterator[tuple[str, str]]:
    yield "api-version", API_VERSION
    yield "starttime", _time(_start(ask))
    yield "endtime", _time(_end(ask))
    yield "interval", duration_word(ask.grain)
    yield "metricnamespace", ask.resource.namespace
    yield "metricnames", ask.metric
    yield "aggregation", ask.aggregation
    if ask.split:
        yield "top", str(MOST_SERIES)
        yield "orderby", _order(ask)
        yield "filter", _filter(ask)


def _filter(ask: MetricAsk) -> str:
    return f"{ask.split} eq '*'"


def _order(ask: MetricAsk) -> str:
    return f"{_ORDER_WORDS.get(ask.aggregation, ask.aggregation.lower())} desc"


def _start(ask: MetricAsk) -> datetime:
    """Return the start of the interval that the range begins in: half of one would look like a dip."""
    day = ask.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + ask.grain * ((ask.start - day) // ask.grain)


def _end(ask: MetricAsk) -> datetime:
    """Return the range's end, in whole seconds: it is part of what is shown."""
    return ask.end.astimezone(UTC).replace(microsecond=0)


def _time(moment: datetime) -> str:
    """Return *moment* as the SDK writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def duration_word(grain: timedelta) -> str:
    """Return *grain* as Azure Monitor names it: `PT5M`, `PT1H`, `P1D`."""
    minutes = int(grain.total_seconds() // 60)
    if minutes % 1440 == 0:
        return f"P{minutes // 1440}D"
    return f"PT{minutes // 60}H" if minutes % 60 == 0 else f"PT{minutes}M"
