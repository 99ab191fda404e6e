"""Azure Storage Queues on one machine: what azure-storage-queue asks for, over one SQLite file.

Source: learn.microsoft.com/rest/api/storageservices/queue-service-rest-api
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from emulator.clock import Clock
from emulator.ids import Ids
from emulator.queues import cors, errors, xml
from emulator.queues.auth import Account, Authorizer
from emulator.queues.checkpoints import Checkpoints
from emulator.queues.handlers import KEY_VERSION, NOTHING_ODD, XML_HEADERS, Handlers, check_text, put
from emulator.queues.models import MAX_BATCH, AccessPolicy, QueueLevel, StoredMessage
from emulator.queues.routes import describe_routes, find_operation, find_target
from emulator.queues.store import QueueStore
from emulator.queues.watchers import Watchers
from emulator.tokens import Tokens
from emulator.wire import Reply, Request, Response, WireError

__all__ = ["Account", "QueuesService", "StoredMessage"]

LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
_VERSION = re.compile(r"\d{4}-\d\d-\d\d")


class QueuesService:
    """Storage Queues over HTTP, and for code in this process: put, look at, remove and watch messages.

    The methods below "In this process" belong to the event loop's thread and need no authorization.
    """

    name = "queues"

    def __init__(self, path: Path, account: Account, tokens: Tokens, clock: Clock, ids: Ids) -> None:
        self._account, self._ids, self._clock = account, ids, clock
        self._watchers = Watchers(clock, lambda queue, from_s: self.store.next_visible_s(queue, from_s))
        self.store = QueueStore(path, clock, ids, self._watchers.moved)
        self._authorizer = Authorizer(account, tokens, clock, self._policies_of)
        self._handlers = Handlers(account.name, self.store, self._authorizer.signatures, clock)
        self._checkpoints = Checkpoints(path, self.store.database)
        self._cors = self._handlers.cors_rules()
        self._stopped = False

    # The Service protocol ---------------------------------------------------------------------------

    def routes(self) -> list[tuple[str, str, str]]:
        return describe_routes(self._account.name)

    def operation(self, request: Request) -> str | None:
        return find_operation(request)

    async def answer(self, request: Request, operation: str) -> Reply:
        if self._stopped:
            raise WireError(503, "ServerBusy", "Local Azure is stopping.")
        target = find_target(request.path)
        assert target is not None, "operation() found one"
        if operation != "preflight":
            self._authorizer.check(request, operation, target.queue)
            _check_version(request)
        response = self._handlers.carry_out(operation, request, target)
        if operation == "set_service_properties":
            self._cors = self._handlers.cors_rules()
        return self._with_headers(response, request)

    def render_error(self, error: WireError, request: Request) -> Response:
        request_id, now = self._ids.guid(), self._clock.now().strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        fields = {
            "Code": error.code,
            "Message": f"{error.message}\nRequestId:{request_id}\nTime:{now}",
            **error.detail,
        }
        readable = {tag: xml.ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text) for tag, text in fields.items()}
        body = xml.render_document("Error", readable)
        headers = (*XML_HEADERS, (b"x-ms-error-code", error.code.encode()), *error.headers)
        return self._with_headers(Response(error.status, body, headers), request, request_id)

    async def start(self) -> None:
        self._checkpoints.start()

    async def stop(self) -> None:
        if not self._stopped:
            self._stopped = True
            self._watchers.cancel_alarms()
            await self._checkpoints.stop()
            self.store.close()

    def reset(self) -> None:
        """Forget every queue and message. Watches stay."""
        self._watchers.cancel_alarms()
        self.store.reset()
        self._cors = ()

    # In this process ----------------------------------------------------------------------------------

    def owns(self, endpoint: str) -> bool:
        """Return whether *endpoint* is this account's address: no queue, no query; any port, with or without
        a trailing slash, as https://127.0.0.1:1234/account, http://localhost:1234/account or
        https://account.queue.core.windows.net."""
        try:
            parts = urlsplit(endpoint.strip())
            host = parts.hostname or ""
        except ValueError:
            return False
        if parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
            return False
        path = parts.path.rstrip("/")
        if host in LOCAL_HOSTS:
            return path == f"/{self._account.name}"
        return host == f"{self._account.name}.queue.core.windows.net" and not path

    def level(self) -> QueueLevel:
        """Return how many queues and unexpired messages there are, and the bytes these hold."""
        return self.store.level()

    def put_message(
        self, queue: str, text: str, ttl_s: int | None = None, odd: Mapping[str, float] = NOTHING_ODD
    ) -> str:
        """Return the id of the message, which is on disk by then, unless *odd* wants otherwise (Request.oddities).

        *text* is stored as it is: encode it as the readers expect. *ttl_s*: None for 7 days, -1 for ever. Raises
        WireError: 404 QueueNotFound, 413 over 64 KiB of UTF-8, 400 for characters that XML cannot carry.
        """
        check_text(text)
        return put(self.store, queue, text, ttl_s, odd=odd).id

    def visible_messages(self, queue: str, limit: int = MAX_BATCH) -> list[StoredMessage]:
        """Return up to *limit* messages that anyone may receive now, first in line first; leaves them as they are.

        Raises WireError 404 QueueNotFound.
        """
        return self.store.peek(queue, limit)

    def remove_message(self, queue: str, message_id: str) -> bool:
        """Delete the message, even one that somebody holds; return False when it is not there (any more).

        Raises WireError 404 QueueNotFound.
        """
        return self.store.remove(queue, message_id)

    def watch(self, queue: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call *callback* on the event loop each time a message of *queue* becomes visible; return the way to stop.

        That is: after a put, after an update, and when a delay or a visibility timeout ends. Several messages may
        share one call, and a message may be gone when it comes: look with visible_messages(), also once right after
        watch(), which does not tell of what is visible already. The queue need not exist yet.
        """
        return self._watchers.add(queue, callback)

    # --------------------------------------------------------------------------------------------------

    def _policies_of(self, queue: str) -> tuple[AccessPolicy, ...]:
        try:
            return self.store.queue(queue).policies
        except WireError:
            return ()

    def _with_headers(self, response: Response, request: Request, request_id: str = "") -> Response:
        """Return *response* with what every response of the service carries; the listener adds Date."""
        version = request.header("x-ms-version") or KEY_VERSION
        shared = [
            *response.headers,
            (b"x-ms-request-id", (request_id or self._ids.guid()).encode()),
            (b"x-ms-version", version.encode("latin-1")),
        ]
        if asked := request.header("x-ms-client-request-id"):
            shared.append((b"x-ms-client-request-id", asked.encode("latin-1")))
        if self._cors and request.method != "OPTIONS":
            shared += cors.response_headers(self._cors, request)
        return Response(response.status, response.body, tuple(shared))


def _check_version(request: Request) -> None:
    version = request.header("x-ms-version")
    if version and not _VERSION.fullmatch(version):
        raise errors.invalid_header("x-ms-version", version)
