"""What a workspace can have to tell Overview, query by query, and one that tells it."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from services.monitor.catalogue import all_queries
from tests.pages.workspaces import table
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json

QUESTIONS = ("kpis", "answers_over_time", "attention", "queue_history")
Body = Mapping[str, object]
Row = list[object]


def now() -> datetime:
    return datetime.now(UTC).replace(second=0, microsecond=0)


def at(minutes_ago: float) -> str:
    return (now() - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def kpis() -> list[Row]:
    return [
        [
            "now",
            40,
            36,
            4,
            0,
            1200.0,
            14200.0,
            20000.0,
            30,
            7000.0,
            40,
            9000.0,
            3300.0,
            0,
            21000.0,
            "run_9",
            "thread_9",
        ],
        [
            "before",
            20,
            20,
            0,
            0,
            900.0,
            3200.0,
            4000.0,
            15,
            900.0,
            20,
            4000.0,
            1300.0,
            0,
            4000.0,
            "run_8",
            "thread_8",
        ],
    ]


def series() -> list[Row]:
    return [
        [
            at(30),
            20,
            20,
            0,
            0,
            0,
            900.0,
            3000.0,
            3500.0,
            15,
            800.0,
            20,
            1500.0,
            700.0,
            500.0,
            300.0,
            20,
            5000.0,
        ],
        [
            at(10),
            20,
            16,
            3,
            1,
            0,
            2000.0,
            14200.0,
            21000.0,
            15,
            7000.0,
            0,
            None,
            None,
            None,
            None,
            20,
            7300.0,
        ],
    ]


def failures() -> list[Row]:
    return [["The function is <b>silent</b>", "failed", 3, at(20), at(5), "run_7", "thread_7"]]


def readings() -> list[Row]:
    names = ("azure-function-foo-input", "azure-function-foo-output")
    return [
        *(
            [at(20), name, "relaydeck.queue.depth", depth, 4]
            for name, depth in zip(names, (6.0, 0.0), strict=True)
        ),
        [at(20), names[0], "relaydeck.queue.oldest_age_s", 12.5, 4],
    ]


def full(**instead: Body) -> dict[str, Body]:
    rows = dict(zip(QUESTIONS, (kpis(), series(), failures(), readings()), strict=True))
    return {name: instead.get(name) or table(name, rows[name]) for name in QUESTIONS}


def empty() -> dict[str, Body]:
    return {name: table(name, []) for name in QUESTIONS}


def partial() -> dict[str, Body]:
    error = {"code": "PartialError", "message": "The result set is too large", "details": []}
    return {name: {**body, "error": error} for name, body in full().items()}


def batch(bodies: dict[str, Body]) -> Callable[[Asked], Reply]:
    """Answer a batch query by query; what the frame of the page asks for itself finds nothing."""

    def reply(asked: Asked) -> Reply:
        found = []
        for one in queries_in(asked):
            name = next(name for name, query in all_queries().items() if query.text in one["body"]["query"])
            body = bodies.get(name) or table(name, [])
            found.append({"id": one["id"], "status": 200 if "tables" in body else 400, "body": body})
        return as_json({"responses": found})

    return reply


def queries_in(asked: Asked) -> list[Any]:  # JSON of the SDK's making
    found = asked.document["requests"]
    assert isinstance(found, list)
    return found


def is_of_page(asked: Asked) -> bool:
    return any(all_queries()["kpis"].text in one["body"]["query"] for one in queries_in(asked))


class Workspace:
    """A workspace that answers the page as told, the last answer again and again, and counts how often it was asked."""

    def __init__(self, script: ScriptedServer) -> None:
        self._script = script

    def answers(self, *replies: dict[str, Body] | Reply) -> None:
        waiting = list(replies)

        def reply(asked: Asked) -> Reply:
            if not is_of_page(asked):
                return batch({})(asked)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            return found if isinstance(found, Reply) else batch(found)(asked)

        self._script.play(reply)

    @property
    def asked(self) -> int:
        return sum(1 for asked in self._script.asked if is_of_page(asked))
