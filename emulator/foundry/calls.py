"""The tool calls of one model turn: planned as a step, checked, and filled with outputs."""

from collections.abc import Mapping
from dataclasses import dataclass

from emulator.foundry import documents as doc
from emulator.foundry.documents import AZURE_FUNCTION, CONNECTED, FUNCTION, Json
from emulator.foundry.replies import ReplyDesk
from emulator.foundry.store import Record, Store
from emulator.foundry.tools import ToolFailedError, callable_name, error_output, find_tool, read_arguments
from emulator.ids import Ids
from emulator.model import CallWanted, TurnEnded

MAX_DEPTH = 1  # a main agent is 0, its connected agents are 1
DEPTH_ERROR = "tool_call_depth_error"


class RunFailedError(Exception):
    """Ends the run; *code* and *message* become its last_error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(frozen=True, slots=True)
class Plan:
    """*step*: the calls, none made yet. *sent*: the records of those that go through a queue."""

    step: Record
    sent: list[Record]


class Planner:
    def __init__(self, store: Store, ids: Ids, desk: ReplyDesk) -> None:
        self._store, self._ids, self._desk = store, ids, desk

    def plan(self, run: Record, wanted: list[CallWanted], used: TurnEnded, now_s: int) -> Plan:
        """Return the step that *wanted* becomes.

        Its inner state: round; correlations, of calls by queue; sent, whether they are out; refused, why one of
        them cannot be made at all; the tokens of its turn.
        """
        step_id = self._ids.new("step")
        tools: list[Json] = run.document["tools"]
        calls = [self._new_call(call, tools) for call in wanted]
        sent: list[Record] = []
        correlations: dict[str, str] = {}
        refused = ""
        for call in calls:
            if call["type"] != AZURE_FUNCTION or doc.payload(call)["output"] is not None:
                continue
            place = {
                "thread_id": run.parent,
                "run_id": run.id,
                "step_id": step_id,
                "call_id": call["id"],
            }
            try:
                sent.append(self._prepare(call, tools, place))
            except ToolFailedError as exc:
                refused = str(exc)
            else:
                correlations[call["id"]] = sent[-1].id
        inner = {
            "round": run.inner["rounds"],
            "correlations": correlations,
            "sent": False,
            "refused": refused,
            "prompt": used.prompt_tokens,
            "completion": used.completion_tokens,
        }
        step = doc.new_step(step_id, run.document, now_s, doc.call_details(calls))
        return Plan(Record("step", run.id, step, inner), sent)

    def _prepare(self, call: Json, tools: list[Json], place: Json) -> Record:
        called = doc.payload(call)
        definition = find_tool(tools, called["name"])
        assert definition is not None, "the call is of this type because the tool was found"
        return self._desk.prepare(definition, read_arguments(called["arguments"]) or {}, place)

    def _new_call(self, wanted: CallWanted, tools: list[Json]) -> Json:
        """Return the call; one that the model got wrong has its output, an error, at once."""
        call_id = self._ids.new("call")
        definition = find_tool(tools, wanted.name)
        if definition is None:
            known = ", ".join(callable_name(tool) for tool in tools if tool["type"] in doc.CALLABLE)
            call = doc.new_call(call_id, FUNCTION, wanted.name, wanted.arguments, {})
            message = f"There is no tool '{wanted.name}'. The tools are: {known or 'none'}."
            return doc.with_output(call, error_output(message))
        kind: str = definition["type"]
        if kind == CONNECTED:
            return self._new_connected_call(call_id, wanted, definition[CONNECTED]["id"])
        call = doc.new_call(call_id, kind, wanted.name, wanted.arguments, {})
        if kind == AZURE_FUNCTION and read_arguments(wanted.arguments) is None:
            return doc.with_output(call, error_output("The arguments are not a JSON object."))
        return call

    def _new_connected_call(self, call_id: str, wanted: CallWanted, agent_id: str) -> Json:
        child = {"assistant_id": agent_id}
        if self._store.find("agent", agent_id) is None:
            call = doc.new_call(call_id, CONNECTED, wanted.name, wanted.arguments, child)
            return doc.with_output(call, error_output(agent_is_gone(wanted.name, agent_id)))
        child |= {"run_id": self._ids.new("run"), "thread_id": self._ids.new("thread")}
        return doc.new_call(call_id, CONNECTED, wanted.name, wanted.arguments, child)


def agent_is_gone(name: str, agent_id: str) -> str:
    return f"The connected agent '{name}' ({agent_id}) does not exist any more."


def open_calls(step: Json) -> list[Json]:
    """Return the calls without output."""
    calls: list[Json] = step["step_details"]["tool_calls"]
    return [call for call in calls if doc.payload(call)["output"] is None]


def with_outputs(step: Json, outputs: Mapping[str, str]) -> Json:
    """Return *step* with *outputs*, by call id, filled in."""
    calls = [
        doc.with_output(call, outputs[call["id"]]) if call["id"] in outputs else call
        for call in step["step_details"]["tool_calls"]
    ]
    return {**step, "step_details": doc.call_details(calls)}


def check_depth(calls: list[Json], depth: int) -> None:
    """Raise RunFailedError when a run at *depth* may not make one of *calls*."""
    for call in calls if depth >= MAX_DEPTH else []:
        name = doc.payload(call)["name"]
        if call["type"] == CONNECTED:
            raise RunFailedError(
                DEPTH_ERROR,
                f"Assistant Tool Call Depth Error: a connected agent cannot call the connected agent "
                f"'{name}'. Connect it to the main agent instead.",
            )
        if call["type"] == FUNCTION:
            raise RunFailedError(
                "tool_user_error",
                f"A connected agent cannot call local functions such as '{name}'. "
                "Use an Azure Function (azure_function) instead.",
            )
