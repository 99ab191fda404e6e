"""What a restore does with failures: one thing the service refuses does not stop the others."""

from services.errors import Conflict, InvalidInput, NotFound, ServiceError, UnexpectedReply

LOOK_BACK = 50  # how many of the newest things may hide what a lost reply created
# Of one thing alone. Denied, throttled or away concerns all of them: that ends the attempt, and the next goes on.
PASSED_OVER = (InvalidInput, Conflict, NotFound, UnexpectedReply)


def reason_of(error: ServiceError) -> str:
    return f"{error.message} {error.hint}".strip()
