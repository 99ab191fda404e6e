"""Small words that rules and lights share."""

from services.diagnosis.facts import Facts, QueueSeen
from services.models import PeekedMessage

ROLE_OF_READER = "Storage Queue Data Reader on the storage account of the tools"
ROLE_ON_PROJECT = "Foundry User (formerly Azure AI User) on the Foundry project"
ROLE_OF_PROJECT = "Storage Queue Data Contributor on the tool's queues"


def counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def unread(queue: QueueSeen) -> str:
    """Return why nothing is known of *queue*; empty when it was read, or did not need to be."""
    match queue.part.state:
        case "denied":
            return f"{queue.name} could not be looked into: a role is missing."
        case "failed":
            return f"{queue.name} could not be looked into."
        case "missing":
            return f"There is no queue {queue.name}."
    return ""


def waited_s(facts: Facts, message: PeekedMessage) -> float | None:
    """Return how long *message* has lain in its queue; None when the service does not tell."""
    return None if message.inserted_at is None else facts.since_s(message.inserted_at)
