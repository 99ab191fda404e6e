"""What a signature must grant for each operation.

Sources: learn.microsoft.com/rest/api/storageservices/create-account-sas (Queue service) and create-service-sas
(permissions for a queue).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Needs:
    """*account*: any one of these letters in an account SAS, for resource type *resource*; *queue*: the letter in
    a queue's own SAS. Empty: such a signature cannot ask for the operation."""

    resource: str
    account: str
    queue: str = ""


NEEDS = {
    "list_queues": Needs("s", "l"),
    "get_service_properties": Needs("s", "r"),
    "set_service_properties": Needs("s", "w"),
    "get_service_stats": Needs("s", "r"),
    "get_user_delegation_key": Needs("s", ""),
    "create_queue": Needs("c", "cw"),
    "delete_queue": Needs("c", "d"),
    "get_queue_metadata": Needs("c", "r", "r"),
    "set_queue_metadata": Needs("c", "w"),
    "get_queue_acl": Needs("c", ""),
    "set_queue_acl": Needs("c", ""),
    "put_message": Needs("o", "a", "a"),
    "get_messages": Needs("o", "p", "p"),
    "peek_messages": Needs("o", "r", "r"),
    "clear_messages": Needs("o", "d"),
    "update_message": Needs("o", "u", "u"),
    "delete_message": Needs("o", "p", "p"),
}
