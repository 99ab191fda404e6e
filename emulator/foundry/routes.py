"""Which request is which operation, found by splitting the path: no pattern is searched."""

from typing import Final

PREFIX: Final = "/api/projects/{project}"

ROUTES: Final = (
    ("create_agent", "POST", "/assistants"),
    ("list_agents", "GET", "/assistants"),
    ("get_agent", "GET", "/assistants/{agent}"),
    ("update_agent", "POST", "/assistants/{agent}"),
    ("delete_agent", "DELETE", "/assistants/{agent}"),
    ("create_thread", "POST", "/threads"),
    ("list_threads", "GET", "/threads"),
    ("create_thread_and_run", "POST", "/threads/runs"),
    ("get_thread", "GET", "/threads/{thread}"),
    ("update_thread", "POST", "/threads/{thread}"),
    ("delete_thread", "DELETE", "/threads/{thread}"),
    ("create_message", "POST", "/threads/{thread}/messages"),
    ("list_messages", "GET", "/threads/{thread}/messages"),
    ("get_message", "GET", "/threads/{thread}/messages/{message}"),
    ("update_message", "POST", "/threads/{thread}/messages/{message}"),
    ("delete_message", "DELETE", "/threads/{thread}/messages/{message}"),
    ("create_run", "POST", "/threads/{thread}/runs"),
    ("list_runs", "GET", "/threads/{thread}/runs"),
    ("get_run", "GET", "/threads/{thread}/runs/{run}"),
    ("update_run", "POST", "/threads/{thread}/runs/{run}"),
    ("submit_tool_outputs", "POST", "/threads/{thread}/runs/{run}/submit_tool_outputs"),
    ("cancel_run", "POST", "/threads/{thread}/runs/{run}/cancel"),
    ("list_run_steps", "GET", "/threads/{thread}/runs/{run}/steps"),
    ("get_run_step", "GET", "/threads/{thread}/runs/{run}/steps/{step}"),
    ("list_connections", "GET", "/connections"),
    ("get_connection", "GET", "/connections/{connection}"),
    ("get_connection_with_credentials", "POST", "/connections/{connection}/getConnectionWithCredentials"),
    ("list_deployments", "GET", "/deployments"),
    ("get_deployment", "GET", "/deployments/{deployment}"),
)
# Known, and answered with 501 and their names.
UNSUPPORTED: Final = (
    ("list_files", "GET", "/files"),
    ("upload_file", "POST", "/files"),
    ("get_file", "GET", "/files/{file}"),
    ("delete_file", "DELETE", "/files/{file}"),
    ("get_file_content", "GET", "/files/{file}/content"),
    ("list_vector_stores", "GET", "/vector_stores"),
    ("create_vector_store", "POST", "/vector_stores"),
    ("get_vector_store", "GET", "/vector_stores/{store}"),
    ("update_vector_store", "POST", "/vector_stores/{store}"),
    ("delete_vector_store", "DELETE", "/vector_stores/{store}"),
    ("list_vector_store_files", "GET", "/vector_stores/{store}/files"),
    ("create_vector_store_file", "POST", "/vector_stores/{store}/files"),
    ("get_vector_store_file", "GET", "/vector_stores/{store}/files/{file}"),
    ("delete_vector_store_file", "DELETE", "/vector_stores/{store}/files/{file}"),
    ("create_vector_store_file_batch", "POST", "/vector_stores/{store}/file_batches"),
    ("get_vector_store_file_batch", "GET", "/vector_stores/{store}/file_batches/{batch}"),
    ("cancel_vector_store_file_batch", "POST", "/vector_stores/{store}/file_batches/{batch}/cancel"),
    ("list_vector_store_file_batch_files", "GET", "/vector_stores/{store}/file_batches/{batch}/files"),
)
UNSUPPORTED_NAMES: Final = frozenset(operation for operation, _, _ in UNSUPPORTED)

Shape = tuple[str, ...]


def split(path: str) -> list[str]:
    """Return the project's name and the segments below it; empty for a path outside of any project."""
    parts = path.split("/")
    if "" in parts[1:]:  # an endpoint that ends in a slash
        parts = [part for part in parts if part]
        parts.insert(0, "")
    return parts[3:] if parts[1:3] == ["api", "projects"] else []


def shape(method: str, parts: list[str]) -> Shape:
    """Return what tells operations apart: the method and every other segment, those that are no ids."""
    if parts == ["threads", "runs"]:  # stands where an id would
        return (method, "threads", "runs", "2")
    return (method, *parts[::2], str(len(parts)))


def find(method: str, parts: list[str]) -> str | None:
    """Return the operation of the segments below a project."""
    return _TABLE.get(shape(method, parts))


def _table() -> dict[Shape, str]:
    return {
        shape(method, template.strip("/").split("/")): operation
        for operation, method, template in (*ROUTES, *UNSUPPORTED)
    }


_TABLE: Final = _table()
