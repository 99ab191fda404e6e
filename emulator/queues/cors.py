"""Cross-origin requests: which rule admits one, and the headers that tell a browser so.

Source: learn.microsoft.com/rest/api/storageservices/cross-origin-resource-sharing--cors--support-for-the-azure-storage-services
"""

from dataclasses import dataclass

from emulator.queues import errors
from emulator.queues.properties import CORS_PARTS
from emulator.queues.xml import parse
from emulator.wire import Request

Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class CorsRule:
    origins: tuple[str, ...]
    methods: tuple[str, ...]
    allowed_headers: tuple[str, ...]
    exposed_headers: str
    max_age_s: str

    def admits(self, origin: str, method: str) -> bool:
        return ("*" in self.origins or origin in self.origins) and method in self.methods

    def admits_header(self, name: str) -> bool:
        """Return whether a request may carry the header; *name* is lower case."""
        return any(
            name.startswith(allowed[:-1]) if allowed.endswith("*") else name == allowed
            for allowed in self.allowed_headers
        )


def read_rules(section: str) -> tuple[CorsRule, ...]:
    """Return the rules of a stored Cors section, in the order in which they are tried."""
    document = parse(f"<Cors>{section}</Cors>".encode(), "Cors")
    rules = []
    for node in document.children:
        origins, methods, allowed, exposed, max_age = (node.text_of(tag) for tag in CORS_PARTS)
        rules.append(CorsRule(_list(origins), _list(methods), _list(allowed.lower()), exposed, max_age))
    return tuple(rules)


def answer_preflight(rules: tuple[CorsRule, ...], request: Request) -> Headers:
    """Return the headers that let the browser go on. Raises WireError 400 (no origin or method) or 403."""
    origin = request.header("origin")
    method = request.header("access-control-request-method")
    for name, value in (("Origin", origin), ("Access-Control-Request-Method", method)):
        if not value:
            raise errors.invalid_header(name, value)
    wanted = _list(request.header("access-control-request-headers").lower())
    for rule in rules:
        if rule.admits(origin, method) and all(rule.admits_header(name) for name in wanted):
            return (
                *_origin_headers(rule, origin),
                (b"access-control-allow-methods", method.encode("latin-1")),
                (b"access-control-max-age", rule.max_age_s.encode()),
                *(((b"access-control-allow-headers", ",".join(wanted).encode("latin-1")),) if wanted else ()),
            )
    raise errors.cors_refused()


def response_headers(rules: tuple[CorsRule, ...], request: Request) -> Headers:
    """Return what to add to the response of a request that names its origin; nothing when no rule admits it."""
    origin = request.header("origin")
    if not origin or not rules:
        return ()
    for rule in rules:
        if rule.admits(origin, request.method):
            exposed = rule.exposed_headers.encode("latin-1", "replace")
            return (
                *_origin_headers(rule, origin),
                *(((b"access-control-expose-headers", exposed),) if exposed else ()),
            )
    return ((b"vary", b"Origin"),)


def _origin_headers(rule: CorsRule, origin: str) -> Headers:
    if "*" in rule.origins:
        return ((b"access-control-allow-origin", b"*"),)
    return (
        (b"access-control-allow-origin", origin.encode("latin-1")),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin"),
    )


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
