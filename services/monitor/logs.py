"""Log Analytics: one request for all the queries of a page, shared by all who look at it.

REST: https://learn.microsoft.com/azure/azure-monitor/logs/api/batch-queries
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from azure.core.pipeline import PipelineResponse

from services.errands import Errand, Errands
from services.errors import (
    AccessDenied,
    Attempt,
    InvalidInput,
    NotYet,
    ServiceError,
    ShapeError,
    Throttled,
    UnexpectedReply,
)
from services.monitor.catalogue import Query, all_queries
from services.monitor.replies import check_logs
from services.monitor.results import Ask, Result, rows_of
from services.redaction import redact
from services.resilience import Resilience

if TYPE_CHECKING:  # takes a third of a second to import, and the first page asks nothing of it
    from azure.monitor.query import LogsBatchQuery, LogsQueryError

log = logging.getLogger(__name__)
KEPT_RESULTS = 200
KEPT_ROWS = (
    2_500  # what a page shows is kept; a whole export would cost its memory for as long as the process lives
)
DEADLINE_S, REPLY_S = 30.0, 5.0  # the second: of the first, what is left for all but the query itself
TOO_SLOW = frozenset({504})  # the query itself took too long: the same one again would, too
NARROWER = "The query took too long: choose a shorter time range."
LONGEST_NOTE = 400
_THROTTLED = ("ThrottledError", "TooManyRequests", "429")
READING = "query the logs"
TRYING, TRIED = "newest_records", timedelta(minutes=5)


class LogsClient(Protocol):
    """What is used of LogsQueryClient."""

    def query_batch(self, queries: "Sequence[LogsBatchQuery]", **options: Any) -> list[Any]: ...


@dataclass(frozen=True, slots=True)
class _Pending:
    ask: Ask
    query: Query
    kql: str


class LogsService:
    """Asks queries of one workspace. Threads share it; results are kept for *fresh_s* and shared by all viewers.

    *client*: made at the first question, since importing it takes long. *deadline_s*: of one request.
    """

    def __init__(
        self,
        client: Callable[[], LogsClient],
        workspace: str,
        resilience: Resilience,
        now: Callable[[], datetime],
        *,
        fresh_s: float = 5.0,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._deadline_s = deadline_s
        self._make_client, self._workspace = client, workspace
        self._resilience, self._now, self._fresh_s = resilience, now, fresh_s
        self._client: LogsClient | None = None
        self._kept: OrderedDict[tuple[str, str], Result] = OrderedDict()
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._errands: Errands[tuple[Result, ...]] = Errands()

    def ask(self, *asks: Ask, patience_s: float = 0.0, wait_s: float | None = None) -> tuple[Result, ...]:
        """Return one result per ask, in their order. Never raises ServiceErrors: a result says what failed.

        At most one request for all of them together, none for those that were read less than *fresh_s* ago, or
        *patience_s* where that is more; whoever asks meanwhile waits for that request and shares what it brings.
        With *wait_s* nobody waits longer than that: the problem of what has not come by then is NotYet, and what was
        read before stands in for it.
        """
        if (known := self.known(*asks, patience_s=patience_s)) is not None:
            return known
        if wait_s is None:
            return self._ask(asks, patience_s)
        try:
            return self._send_for(asks, patience_s).wait(wait_s)
        except NotYet as error:
            return tuple(self._fresh(ask, patience_s) or self._until_then(ask, error) for ask in asks)

    def begin(self, *asks: Ask, patience_s: float = 0.0) -> threading.Event | None:
        """Have them asked from now on; whoever asks for the same, with a wait, shares it. Sends what ask() would.

        Returns what is set once it is over, well or not; None when all of it is known.
        """
        if self.known(*asks, patience_s=patience_s) is not None:
            return None
        return self._send_for(asks, patience_s).done

    def known(self, *asks: Ask, patience_s: float = 0.0) -> tuple[Result, ...] | None:
        """Return what ask() would, where that would send nothing; None where it would. Sends nothing."""
        found = [self._fresh(ask, patience_s) for ask in asks]
        return tuple(one for one in found if one is not None) if all(found) else None

    def try_it(self) -> Result:
        """Return what the smallest question brings: one request. Never raises ServiceErrors."""
        now = self._now()
        return self.ask(Ask(TRYING, {"start": now - TRIED, "end": now}))[0]

    def _send_for(self, asks: Sequence[Ask], patience_s: float) -> Errand[tuple[Result, ...]]:
        key = tuple(ask.key for ask in asks)
        return self._errands.send(key, "What Log Analytics knows", lambda: self._ask(asks, patience_s))

    def _ask(self, asks: Sequence[Ask], patience_s: float) -> tuple[Result, ...]:
        with self._asking:
            fresh = {ask.key: kept for ask in asks if (kept := self._fresh(ask, patience_s)) is not None}
            refused: dict[tuple[str, str], Result] = {}
            pending: list[_Pending] = []
            for ask in {ask.key: ask for ask in asks if ask.key not in fresh}.values():
                query = all_queries()[ask.query]
                try:
                    pending.append(_Pending(ask, query, query.bound(ask.values)))
                except InvalidInput as error:
                    refused[ask.key] = Result(ask.query, "failed", problem=error)
            read = self._read(pending)
        found = {**fresh, **refused, **read}
        return tuple(found[ask.key] for ask in asks)

    def _fresh(self, ask: Ask, patience_s: float) -> Result | None:
        with self._lock:
            kept = self._kept.get(ask.key)
        if kept is None or kept.read_at is None:
            return None
        age_s = (self._now() - kept.read_at).total_seconds()
        return kept if age_s < max(self._fresh_s, patience_s) else None

    def _read(self, pending: Sequence[_Pending]) -> dict[tuple[str, str], Result]:
        if not pending:
            return {}
        names = ", ".join(one.query.name for one in pending)
        try:
            replies = self._resilience.read(
                READING,
                names,
                lambda: self._send(pending),
                deadline_s=self._deadline_s,
                lasting=TOO_SLOW,
            )
        except ServiceError as error:
            if error.status in TOO_SLOW:
                error.hint = NARROWER
            log.info("logs.failed", extra={"queries": names, "reason": error.message})
            if isinstance(error, UnexpectedReply) and len(pending) > 1:
                return self._read_each(pending)
            return {one.ask.key: self._instead(one, error) for one in pending}
        return {one.ask.key: self._keep(one, reply) for one, reply in zip(pending, replies, strict=True)}

    def _read_each(self, pending: Sequence[_Pending]) -> dict[tuple[str, str], Result]:
        """Ask one by one what the SDK could not read together: one odd item makes it lose the others.

        When the first two fail as well, all do: then it is the workspace, or something in between.
        """
        found: dict[tuple[str, str], Result] = {}
        for one in pending:
            if len(found) == 2 and all(isinstance(read.problem, UnexpectedReply) for read in found.values()):
                error = next(iter(found.values())).problem
                assert error is not None, "an UnexpectedReply, as was just seen"
                return found | {left.ask.key: self._instead(left, error) for left in pending[2:]}
            found |= self._read([one])
        return found

    def _send(self, pending: Sequence[_Pending]) -> list[Any]:
        from azure.monitor.query import LogsBatchQuery

        if self._client is None:
            self._client = self._make_client()
        batch = [
            LogsBatchQuery(
                workspace_id=self._workspace,
                query=one.kql,
                timespan=None,  # each query bounds TimeGenerated itself
                server_timeout=max(1, int(self._deadline_s - REPLY_S)),
            )
            for one in pending
        ]
        taken: list[PipelineResponse[Any, Any]] = []
        replies = self._client.query_batch(batch, raw_response_hook=taken.append)
        check_logs(taken)
        if len(replies) != len(batch):
            raise ShapeError("the reply", f"one result for each of {len(batch)} queries")
        return replies

    def _keep(self, one: _Pending, reply: object) -> Result:
        try:
            result = self._result(one, reply)
        except ServiceError as error:
            return self._instead(one, error)
        if len(result.rows) > KEPT_ROWS:
            return result
        with self._lock:
            self._kept[one.ask.key] = result
            self._kept.move_to_end(one.ask.key)
            while len(self._kept) > KEPT_RESULTS:
                self._kept.popitem(last=False)
        return result

    def _result(self, one: _Pending, reply: object) -> Result:
        """Return what *reply* says. Raises ServiceErrors."""
        from azure.monitor.query import LogsQueryError, LogsQueryPartialResult, LogsQueryResult

        attempt = Attempt(READING, one.query.name)
        if isinstance(reply, LogsQueryError):
            raise _item_error(reply, attempt)
        if isinstance(reply, LogsQueryPartialResult):
            tables, said = reply.partial_data, _words(reply.partial_error)
        elif isinstance(reply, LogsQueryResult):
            tables, said = reply.tables, ""
        else:
            raise _unexpected(attempt, "one item of the reply is neither a result nor an error")
        if not tables:
            raise _unexpected(
                attempt, f"the result has no table. It said: {said}" if said else "the result has no table"
            )
        try:
            rows = rows_of(one.query, tables[0])
        except ShapeError as error:
            raise _unexpected(attempt, str(error)) from error
        state = "partial" if isinstance(reply, LogsQueryPartialResult) else "ok" if rows else "empty"
        return Result(
            one.query.name,
            state,  # type: ignore[arg-type]  # one of three literals
            rows,
            self._now(),
            said=said,
            kql=one.kql,
        )

    def _instead(self, one: _Pending, error: ServiceError) -> Result:
        return self._until_then(one.ask, error, one.kql)

    def _until_then(self, ask: Ask, error: ServiceError, kql: str = "") -> Result:
        """Return the rows that were read before, marked stale; else the failure itself."""
        with self._lock:
            kept = self._kept.get(ask.key)
        if kept is not None:
            return replace(kept, state="stale", problem=error)
        state = "throttled" if isinstance(error, Throttled) else "failed"
        return Result(ask.query, state, problem=error, kql=kql)  # type: ignore[arg-type]  # as above


def _item_error(reply: "LogsQueryError", attempt: Attempt) -> ServiceError:
    code, said = str(reply.code or ""), _words(reply)
    message = f"Could not {attempt}: {said or 'the workspace gave no reason'}"
    if any(word in code for word in _THROTTLED):
        return Throttled(message, operation=attempt.operation, resource=attempt.resource, code=code)
    if "Access" in code or code in ("Forbidden", "403"):
        return AccessDenied(message, operation=attempt.operation, resource=attempt.resource, code=code)
    hint = "The table may not exist yet: it appears with the first telemetry. Else look at the query's text."
    return InvalidInput(message, operation=attempt.operation, resource=attempt.resource, code=code, hint=hint)


def _unexpected(attempt: Attempt, reason: str) -> UnexpectedReply:
    return UnexpectedReply(
        f"Could not {attempt}: {reason}.", operation=attempt.operation, resource=attempt.resource
    )


def _words(error: object) -> str:
    """Return what *error* says, and its details, which usually say more."""
    details = getattr(error, "details", None)
    told = [str(getattr(error, "message", "") or error or "")]
    if isinstance(details, list):
        told += [str(one["message"]) for one in details if isinstance(one, Mapping) and one.get("message")]
    return redact(" ".join(told))[:LONGEST_NOTE]
