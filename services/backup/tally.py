"""What a back-up cannot carry, counted while it is made or restored."""

from collections.abc import Iterable, Mapping

from services.backup.models import CannotMove, Json

RUNS_WHY = (
    "The service takes no runs from outside. What they wrote is here; their states, times and tokens stay in the "
    "project and in Azure Monitor."
)
STEPS_WHY = "They belong to their runs."
IDS_WHY = "The service gives new ids and the time of the restore. The metadata of each restored thing names its old id and time."
FILES_WHY = "Files and vector stores belong to the project. Upload them again and attach them to the agents named here."
QUEUED_WHY = (
    "Messages belong to their readers: whoever takes one hides it from the function that waits for it."
)


class Tally:
    """Not shared by threads."""

    def __init__(self) -> None:
        self.runs: set[str] = set()
        self.files: set[str] = set()
        self.stores: set[str] = set()
        self.attachments = 0
        self.queued: int | None = None

    def agent(self, document: Json) -> None:
        self.resources(document.get("tool_resources"))

    def resources(self, resources: object) -> None:
        self.files.update(texts_under(resources, "file_ids"))
        self.stores.update(texts_under(resources, "vector_store_ids"))

    def add(self, other: "Tally") -> None:
        self.runs |= other.runs
        self.files |= other.files
        self.stores |= other.stores
        self.attachments += other.attachments

    def message(self, document: Json) -> None:
        if isinstance(run := document.get("run_id"), str) and run:
            self.runs.add(run)
        if isinstance(attached := document.get("attachments"), list):
            self.attachments += len(attached)
            self.files.update(texts_under(attached, "file_id"))
        self.files.update(texts_under(document.get("content"), "file_id"))

    def told(self, moved: int) -> tuple[CannotMove, ...]:
        """Return what stays behind. *moved*: how many agents, threads and messages get new ids."""
        return (
            CannotMove("runs", len(self.runs), RUNS_WHY, least=True),
            CannotMove("run steps", None if self.runs else 0, STEPS_WHY),
            CannotMove("ids and times of agents, threads and messages", moved, IDS_WHY),
            CannotMove("files", len(self.files), FILES_WHY, least=True),
            CannotMove("vector stores", len(self.stores), FILES_WHY, least=True),
            CannotMove("attachments of messages", self.attachments, FILES_WHY),
            CannotMove("messages in queues", self.queued, QUEUED_WHY),
        )


def texts_under(value: object, key: str) -> set[str]:
    """Return every text that stands under *key* anywhere in *value*, alone or in a list."""
    found: set[str] = set()
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, Mapping):
            given = one.get(key)
            found.update(text for text in _listed(given) if isinstance(text, str) and text)
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return found


def _listed(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else [value]
