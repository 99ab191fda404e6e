"""Errors in the words of Log Analytics: the codes and the nesting that its clients look at.

REST: learn.microsoft.com/rest/api/loganalytics (error responses).
"""

from emulator.wire import WireError

Document = dict[str, object]
TOO_LARGE = -2133196797  # 0x80DA0003
LOW_MEMORY = -2133196793  # 0x80DA0007


class QueryError(WireError):
    """A query that was refused. *inner*: the innererror of the reply, nested as deep as it needs."""

    def __init__(
        self, message: str, inner: Document | None = None, status: int = 400, code: str = "BadArgumentError"
    ) -> None:
        super().__init__(status, code, message)
        self.inner = inner

    def document(self, correlation_id: str) -> Document:
        found: Document = {"message": self.message, "code": self.code, "correlationId": correlation_id}
        if self.inner:
            found["innererror"] = self.inner
        return found


def bad_argument(message: str) -> QueryError:
    return QueryError(
        "The request had some invalid properties", {"code": "BadArgumentError", "message": message}
    )


def syntax_error(message: str, line: int, column: int, token: str) -> QueryError:
    detail: Document = {
        "code": "SYN0002",
        "message": f"Query could not be parsed at '{token}' on line [{line},{column + 1}]: {message}",
        "line": line,
        "pos": column,
        "token": token,
    }
    inner: Document = {
        "code": "SyntaxError",
        "message": "A recognition error occurred in the query.",
        "innererror": detail,
    }
    return QueryError("The request had some invalid properties", inner)


def semantic_error(message: str, code: str = "SEM0100") -> QueryError:
    inner: Document = {
        "code": "SemanticError",
        "message": "A semantic error occurred.",
        "innererror": {"code": code, "message": message},
    }
    return QueryError("The request had some invalid properties", inner)


def unsupported(construct: str, hint: str) -> QueryError:
    """The query may be right, and real Log Analytics may run it: Local Azure cannot, and says so."""
    message = f"Local Azure's KQL engine does not run {construct} ({hint}). Log Analytics may: write it with other operators."
    inner: Document = {"code": "NotImplemented", "message": message}
    return QueryError("The request had some invalid properties", inner)


def gateway_timeout(seconds: float) -> QueryError:
    inner: Document = {
        "code": "GatewayTimeout",
        "message": f"The query did not end within {seconds:g} s and was stopped. Narrow its time range.",
    }
    return QueryError("Gateway timeout", inner, status=504, code="GatewayTimeout")


def not_found(message: str, code: str = "PathNotFoundError") -> QueryError:
    return QueryError(message, status=404, code=code)


def unavailable(message: str) -> QueryError:
    return QueryError(message, status=503, code="ServiceUnavailable")


def partial_error(message: str, number: int) -> Document:
    """Return what stands beside the tables when they are not all that was asked for."""
    return {
        "code": "PartialError",
        "message": "There were some errors when processing your query.",
        "details": [
            {
                "code": "EngineError",
                "message": "Something went wrong processing your query on the server.",
                "innererror": {
                    "code": str(number),
                    "message": message,
                    "severity": 2,
                    "severityName": "Error",
                },
            }
        ],
    }


def rows_left_out(limit: str) -> Document:
    return partial_error(
        f"The results of this query exceed the set limit of {limit}, so not all records were returned "
        "(E_QUERY_RESULT_SET_TOO_LARGE, 0x80DA0003).",
        TOO_LARGE,
    )
