"""ClassicBackend: agents, threads and runs of the Agent Service (classic), through azure-ai-agents.

REST: https://learn.microsoft.com/rest/api/aifoundry/aiagents/ (api-version v1). The only file that imports that SDK.
Replies are read from their JSON, not from the SDK's models: those check nothing, and know neither connected agents'
nor queue functions' calls.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

from azure.ai.agents import AgentsClient
from azure.core.pipeline import PipelineResponse
from azure.core.rest import HttpRequest

from services.agents import shapes
from services.agents.backend import (
    TERMINAL,
    Agent,
    AgentDefinition,
    AgentPage,
    AgentRecord,
    DocumentPage,
    Page,
    QueueFunction,
    Run,
    RunStep,
    RunStream,
    Thread,
    ThreadMessage,
)
from services.agents.bindings import functions_of
from services.agents.replies import PAGE, fetch, objects, one_page, require_id, status_first, understood
from services.agents.shapes import Json
from services.agents.stream import ClassicRunStream, KnownRunStream
from services.errors import Attempt, ServiceError, UnexpectedReply
from services.resilience import Resilience
from services.resilience.watchdog import line_in_use
from services.translation import error_from_status

T = TypeVar("T")
LOOK_BACK = PAGE  # how many of the newest things may hide what a lost reply created; others create meanwhile


class ClassicBackend:
    """See AgentBackend. Threads share it. *stream_silence_s*: the longest silence of a run's stream."""

    def __init__(
        self, client: AgentsClient, resilience: Resilience, *, stream_silence_s: float = 90.0
    ) -> None:
        self._client, self._resilience = client, resilience
        self._stream_silence_s = stream_silence_s

    # Agents ---------------------------------------------------------------------------------------

    def list_agents(self, limit: int = PAGE) -> list[Agent]:
        return self._list("list agents", "", self._client.list_agents, limit, shapes.agent)

    def create_agent(self, definition: AgentDefinition, metadata: Mapping[str, str]) -> Agent:
        body = shapes.agent_body(definition, metadata)
        return self._resilience.create(
            "create agent",
            definition.name,
            lambda: shapes.agent(fetch(self._client.create_agent, body=body)),
            lambda: self._made_by(metadata, self._client.list_agents, shapes.agent),
        )

    def list_definitions(self, after: str = "", limit: int = PAGE) -> AgentPage:
        def read() -> AgentPage:
            size = max(1, min(limit, PAGE))
            found, more = shapes.page(one_page(self._client.list_agents, limit=size, after=after))
            records = tuple(map(shapes.agent_record, found))
            return AgentPage(records, records[-1].agent.id if more and records else "")

        return self._resilience.read("list agents", after, read)

    def get_definition(self, agent_id: str) -> AgentRecord:
        require_id("get agent", agent_id)
        return self._resilience.read(
            "get agent", agent_id, lambda: shapes.agent_record(fetch(self._client.get_agent, agent_id))
        )

    def update_agent(
        self, agent_id: str, definition: AgentDefinition, metadata: Mapping[str, str]
    ) -> AgentRecord:
        require_id("update agent", agent_id)
        body = shapes.agent_body(definition, metadata)
        return self._resilience.read(  # the same definition twice is the same definition
            "update agent",
            agent_id,
            lambda: shapes.agent_record(fetch(self._client.update_agent, agent_id, body=body)),
        )

    def delete_agent(self, agent_id: str) -> bool:
        return self._delete("delete agent", agent_id, self._client.delete_agent)

    def model_of(self, deployment: str) -> str:
        """Return the name of the model behind *deployment*. Sends one request. Raises NotFound when there is none."""
        return self._resilience.read("look up model", deployment, lambda: self._read_deployment(deployment))

    def list_functions(self, limit: int = PAGE) -> list[QueueFunction]:
        found = self._list("list agents", "", self._client.list_agents, limit, functions_of)
        return [function for functions in found for function in functions]

    # Threads --------------------------------------------------------------------------------------

    def create_thread(self, metadata: Mapping[str, str]) -> Thread:
        return self.create_thread_from((), metadata)

    def get_thread(self, thread_id: str) -> Thread:
        require_id("get thread", thread_id)
        return self._resilience.read(
            "get thread", thread_id, lambda: shapes.thread(fetch(self._client.threads.get, thread_id))
        )

    def list_threads(self, limit: int) -> list[Thread]:
        return self._list("list threads", "", self._client.threads.list, limit, shapes.thread)

    def delete_thread(self, thread_id: str) -> bool:
        return self._delete("delete thread", thread_id, self._client.threads.delete)

    # Runs -----------------------------------------------------------------------------------------

    def start_run(
        self,
        thread_id: str,
        agent_id: str,
        question: str,
        metadata: Mapping[str, str],
        told: str = "",
        *,
        one_at_a_time: bool = False,
    ) -> RunStream:
        require_id("start run", thread_id)
        tags = dict(metadata)
        message = {"role": "user", "content": question, "metadata": tags}
        body: dict[str, object] = {
            "assistant_id": agent_id,
            "additional_messages": [message],
            "metadata": tags,
            "stream": True,
        }
        if told:
            body["additional_instructions"] = told
        if one_at_a_time:
            body["parallel_tool_calls"] = False

        doubtful = False

        def look_up() -> RunStream | None:
            """Return the run that a lost reply stands for."""
            nonlocal doubtful
            run = self._made_by(metadata, self._client.runs.list, shapes.run, thread_id)
            doubtful = run is None
            return KnownRunStream(run) if run is not None else None

        def start() -> RunStream:
            """Start the run. A question that arrived without its run is not sent again."""
            messages = self._client.messages.list
            if doubtful and self._made_by(metadata, messages, shapes.message, thread_id) is not None:
                body.pop("additional_messages", None)
            return self._open_stream(thread_id, body)

        return self._resilience.create("start run", thread_id, start, look_up)

    def get_run(self, thread_id: str, run_id: str) -> Run:
        require_id("get run", thread_id, run_id)
        return self._resilience.read(
            "get run", run_id, lambda: shapes.run(fetch(self._client.runs.get, thread_id, run_id))
        )

    def list_runs(self, thread_id: str, limit: int) -> list[Run]:
        require_id("list runs", thread_id)
        return self._list("list runs", thread_id, self._client.runs.list, limit, shapes.run, thread_id)

    def update_run(self, thread_id: str, run_id: str, metadata: Mapping[str, str]) -> Run:
        require_id("update run", thread_id, run_id)
        body = {"metadata": dict(metadata)}
        return self._resilience.read(  # the same values twice are the same values
            "update run",
            run_id,
            lambda: shapes.run(fetch(self._client.runs.update, thread_id, run_id, body=body)),
        )

    def cancel_run(self, thread_id: str, run_id: str) -> Run:
        """Return the run; one that had ended is returned as it is, at the cost of a second request."""
        require_id("cancel run", thread_id, run_id)
        try:
            return self._resilience.read(
                "cancel run", run_id, lambda: shapes.run(fetch(self._client.runs.cancel, thread_id, run_id))
            )
        except ServiceError as error:
            if error.status not in (400, 409):
                raise
            run = self.get_run(thread_id, run_id)
            if run.state in TERMINAL or run.state == "cancelling":
                return run
            raise

    def list_steps(self, thread_id: str, run_id: str) -> list[RunStep]:
        require_id("list steps", thread_id, run_id)
        found = self._list(
            "list steps", run_id, self._client.run_steps.list, 10 * PAGE, shapes.step, thread_id, run_id
        )
        return found[::-1]

    def list_messages(self, thread_id: str, limit: int) -> list[ThreadMessage]:
        require_id("list messages", thread_id)
        return self._list(
            "list messages", thread_id, self._client.messages.list, limit, shapes.message, thread_id
        )

    # Whole objects, for back-ups ------------------------------------------------------------------

    def agent_documents(self, after: str = "", limit: int = PAGE) -> DocumentPage:
        return self._document_page("list agents", "", self._client.list_agents, after, limit)

    def thread_documents(
        self, after: str = "", limit: int = PAGE, *, newest_first: bool = False
    ) -> DocumentPage:
        order = "desc" if newest_first else "asc"
        return self._document_page("list threads", "", self._client.threads.list, after, limit, order=order)

    def message_documents(self, thread_id: str, after: str = "", limit: int = PAGE) -> DocumentPage:
        require_id("list messages", thread_id)
        return self._document_page(
            "list messages", thread_id, self._client.messages.list, after, limit, thread_id
        )

    def create_agent_from(self, document: Mapping[str, object], metadata: Mapping[str, str]) -> Agent:
        body = {**document, "metadata": dict(metadata)}
        return self._resilience.create(
            "create agent",
            shapes.optional_text(document, "name"),
            lambda: shapes.agent(fetch(self._client.create_agent, body=body)),
            lambda: self._made_by(metadata, self._client.list_agents, shapes.agent),
        )

    def create_thread_from(
        self, messages: Sequence[Mapping[str, object]], metadata: Mapping[str, str]
    ) -> Thread:
        body: dict[str, object] = {"metadata": dict(metadata)}
        if messages:
            body["messages"] = [dict(one) for one in messages]
        return self._resilience.create(
            "create thread",
            "",
            lambda: shapes.thread(fetch(self._client.threads.create, body=body)),
            lambda: self._made_by(metadata, self._client.threads.list, shapes.thread),
        )

    def add_message(
        self, thread_id: str, message: Mapping[str, object], metadata: Mapping[str, str]
    ) -> ThreadMessage:
        require_id("add message", thread_id)
        body = {**message, "metadata": dict(metadata)}
        return self._resilience.create(
            "add message",
            thread_id,
            lambda: shapes.message(fetch(self._client.messages.create, thread_id, body=body)),
            lambda: self._made_by(metadata, self._client.messages.list, shapes.message, thread_id),
        )

    # Page by page ---------------------------------------------------------------------------------

    def page_agents(self, after: str = "") -> Page[Agent]:
        return self._page("list agents", "", self._client.list_agents, after, shapes.agent)

    def page_threads(self, after: str = "") -> Page[Thread]:
        return self._page("list threads", "", self._client.threads.list, after, shapes.thread)

    def page_runs(self, thread_id: str, after: str = "") -> Page[Run]:
        require_id("list runs", thread_id)
        return self._page("list runs", thread_id, self._client.runs.list, after, shapes.run, thread_id)

    def page_messages(self, thread_id: str, after: str = "") -> Page[ThreadMessage]:
        require_id("list messages", thread_id)
        fn = self._client.messages.list
        return self._page("list messages", thread_id, fn, after, shapes.message, thread_id, order="asc")

    def page_steps(self, thread_id: str, run_id: str, after: str = "") -> Page[RunStep]:
        require_id("list steps", thread_id, run_id)
        fn = self._client.run_steps.list
        return self._page("list steps", run_id, fn, after, shapes.step, thread_id, run_id, order="asc")

    # How the requests are made --------------------------------------------------------------------

    def _list(
        self,
        operation: str,
        resource: str,
        fn: Callable[..., Any],
        limit: int,
        shape: Callable[[Json], T],
        *ids: str,
    ) -> list[T]:
        if limit < 1:
            return []
        return self._resilience.read(
            operation, resource, lambda: [shape(one) for one in objects(fn, limit, *ids)]
        )

    def _document_page(
        self,
        operation: str,
        resource: str,
        fn: Callable[..., Any],
        after: str,
        limit: int,
        *ids: str,
        order: str = "asc",
    ) -> DocumentPage:
        size = max(1, min(limit, PAGE))

        def read() -> DocumentPage:
            documents, more = shapes.page(one_page(fn, *ids, limit=size, after=after, order=order))
            return DocumentPage(
                tuple(documents), shapes.text(documents[-1], "id") if more and documents else ""
            )

        return self._resilience.read(operation, resource, read)

    def _page(
        self,
        operation: str,
        resource: str,
        fn: Callable[..., Any],
        after: str,
        shape: Callable[[Json], T],
        *ids: str,
        order: str = "desc",
    ) -> Page[T]:
        def read() -> Page[T]:
            return understood(one_page(fn, *ids, limit=PAGE, after=after, order=order), shape)

        return self._resilience.read(operation, resource, read)

    def _delete(self, operation: str, resource: str, fn: Callable[..., Any]) -> bool:
        require_id(operation, resource)

        def delete() -> None:
            if fetch(fn, resource).get("deleted") is not True:
                raise UnexpectedReply(
                    f"Could not {operation} {resource}: the service did not confirm it.",
                    operation=operation,
                    resource=resource,
                )

        return self._resilience.delete(operation, resource, delete)

    def _made_by(
        self, metadata: Mapping[str, str], fn: Callable[..., Any], shape: Callable[[Json], T], *ids: str
    ) -> T | None:
        """Return the newest thing that carries the same opid; None when there is none. Sends one request."""
        opid = metadata.get("opid")
        found = (
            one for one in objects(fn, LOOK_BACK, *ids) if opid and shapes.metadata(one).get("opid") == opid
        )
        return next((shape(one) for one in found), None)

    def _open_stream(self, thread_id: str, body: Mapping[str, object]) -> RunStream:
        taken: list[PipelineResponse[Any, Any]] = []
        with status_first(taken):
            chunks: Iterator[bytes] = self._client.runs.create(  # type: ignore[assignment]  # stream=True returns bytes
                thread_id,
                body=dict(body),
                stream=True,
                read_timeout=self._stream_silence_s,
                raw_response_hook=taken.append,
            )
        response = taken[-1].http_response
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "text/event-stream":
            return ClassicRunStream(iter(chunks), response.close, line_in_use())
        try:
            response.read()
            return KnownRunStream(shapes.run(shapes.document(response.json())))
        finally:
            response.close()

    def _read_deployment(self, deployment: str) -> str:
        request = HttpRequest(
            "GET", "{endpoint}/deployments/" + quote(deployment, safe=""), params={"api-version": "v1"}
        )
        response = self._client.send_request(request)
        if response.status_code != 200:
            raise error_from_status(
                response.status_code, "", "", Attempt("look up model", deployment), dict(response.headers)
            )
        found = shapes.document(response.json())
        shapes.text(found, "name")
        return shapes.optional_text(found, "modelName")
