"""Replies of the Agent Service that several tests play."""

from tests.scripted_server import Reply, as_json

THREAD = {"id": "thread_1", "object": "thread", "created_at": 1_763_800_000, "metadata": {"opid": "op_1"}}
RUN = {
    "id": "run_1",
    "object": "thread.run",
    "created_at": 1_763_800_000,
    "thread_id": "thread_1",
    "assistant_id": "asst_1",
    "status": "queued",
    "metadata": {"opid": "op_1"},
}
EMPTY_LIST = as_json({"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False})
RESET, TRUNCATED = Reply(how="reset"), Reply(body=b'{"id": "thread_1", "created_at"', how="truncate")
PAGE = Reply(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"})


def listing(*documents: object) -> Reply:
    return as_json({"object": "list", "data": documents, "last_id": "x", "has_more": False})
