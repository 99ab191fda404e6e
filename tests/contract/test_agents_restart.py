"""Local Azure stops, is killed, runs out of disk: what was acknowledged is there, what was open goes on."""

import asyncio
from typing import Any

import pytest
from azure.ai.agents.models import ListSortOrder, ThreadRun, ToolOutput
from azure.core.exceptions import HttpResponseError

from emulator import server
from emulator.foundry.store import Record, Store
from emulator.model import TextPiece
from tests.contract.agents_support import (
    FOO_IN as IN,
)
from tests.contract.agents_support import (
    FOO_OUT as OUT,
)
from tests.contract.agents_support import (
    MODEL,
    Lab,
    Pause,
    Site,
    call,
    calls,
    connected,
    say,
)


def test_everything_that_was_acknowledged_is_there_after_a_restart(site: Site) -> None:
    """Agents, threads, messages, runs and steps, in their order."""
    with site.open() as lab:
        agents = [lab.client.create_agent(model=MODEL, name=f"a{n}").id for n in range(3)]
        lab.client.update_agent(agents[1], name="changed")
        lab.client.delete_agent(agents[0])
        run = lab.ask(lab.agent())
        before = [message.as_dict() for message in lab.client.messages.list(run.thread_id)]
        steps = lab.steps(run)

    with site.open() as lab:
        found = list(lab.client.list_agents(order=ListSortOrder.ASCENDING))
        assert [agent.name for agent in found] == ["changed", "a2", "tested"]
        assert [message.as_dict() for message in lab.client.messages.list(run.thread_id)] == before
        assert lab.get(run).as_dict() == run.as_dict()
        assert lab.steps(run) == steps


def test_a_run_in_the_middle_of_its_answer_writes_it_after_the_restart(site: Site) -> None:
    """The half-written message is finished, not written a second time."""
    with site.open() as lab:
        site.model.plays("Slow.", [TextPiece("So"), Pause(), *say(" be it")])
        run = lab.start(lab.agent("Slow."))
        lab.wait_for_pause()
        (half,) = lab.client.messages.list(run.thread_id, run_id=run.id)

    site.model.plays("Slow.", say("So be it"))
    with site.open() as lab:
        assert lab.wait(run).status == "completed"
        (whole,) = lab.client.messages.list(run.thread_id, run_id=run.id)
        assert (half.status, whole.status, whole.id) == ("in_progress", "completed", half.id)
        assert lab.answer(run) == "So be it"
        assert [step["status"] for step in lab.steps(run)] == ["completed"]


def test_a_run_that_waits_for_its_client_still_does_after_the_restart(site: Site) -> None:
    """The outputs may be submitted to the service that came up again."""
    tool: Any = {"type": "function", "function": {"name": "local", "parameters": {"type": "object"}}}
    site.model.plays("Ask.", calls(call("local")), say("Thanks."))
    with site.open() as lab:
        run = lab.wait(lab.start(lab.agent("Ask.", tools=[tool])), "requires_action")

    with site.open() as lab:
        assert lab.get(run).as_dict() == run.as_dict()
        (tool_call,) = run["required_action"]["submit_tool_outputs"]["tool_calls"]
        outputs = [ToolOutput(tool_call_id=tool_call["id"], output="1")]
        lab.client.runs.submit_tool_outputs(run.thread_id, run.id, tool_outputs=outputs)
        assert lab.wait(run).status == "completed"
        assert site.model.requests[-1].calls[0].output == "1"


def waiting_for_foo(lab: Lab, site: Site) -> ThreadRun:
    tools = lab.function_tool().definitions
    site.model.plays("Use foo.", calls(call("foo", query="why")), say("Because."))
    return lab.wait(lab.start(lab.agent("Use foo.", tools=tools)), "requires_action")


def test_a_reply_that_came_while_the_service_was_down_is_picked_up(site: Site) -> None:
    """The function does not care whether anybody listens when it answers."""
    with site.open() as lab:
        run = waiting_for_foo(lab, site)
        reply = {"Value": "yes", "CorrelationId": lab.sent(IN)["CorrelationId"]}
        lab.reply(OUT, reply, visibility_timeout=30)

    site.clock.advance(60)
    with site.open() as lab:
        assert lab.wait(run).status == "completed"
        assert lab.left(OUT) == []


def test_a_run_goes_on_waiting_for_its_function_after_the_restart(site: Site) -> None:
    """The call is not sent again, and its reply finds it."""
    with site.open() as lab:
        run = waiting_for_foo(lab, site)
        correlation_id = lab.sent(IN)["CorrelationId"]

    with site.open() as lab:
        assert (lab.get(run).status, lab.left(IN)) == ("requires_action", [])
        lab.reply(OUT, {"Value": "yes", "CorrelationId": correlation_id})
        assert lab.wait(run).status == "completed"


def test_a_call_that_may_not_have_been_sent_is_sent_again(site: Site) -> None:
    """Killed between storing the call and sending it: once more under the same CorrelationId."""
    with site.open() as lab:
        run = waiting_for_foo(lab, site)
        first = lab.sent(IN)
    site.edit("step", lambda r: Record("step", r.parent, r.document, {**r.inner, "sent": False}))

    with site.open() as lab:
        assert lab.sent(IN) == first
        lab.reply(OUT, {"Value": "yes", "CorrelationId": first["CorrelationId"]})
        assert lab.wait(run).status == "completed"


def test_a_whole_team_goes_on_after_the_restart(site: Site) -> None:
    """Main agent waits for connected agent waits for function: all three are taken up."""
    with site.open() as lab:
        tools = lab.function_tool().definitions
        child = lab.agent("Call foo.", tools=tools)
        main = lab.agent("Delegate.", tools=[connected(child, "foo_bot")])
        site.model.plays("Delegate.", calls(call("foo_bot", query="why")), say("He says so."))
        site.model.plays("Call foo.", calls(call("foo", query="why")), say("so"))
        run = lab.start(main)
        sent = lab.sent(IN)
        (told,) = lab.tool_calls(run)

    with site.open() as lab:
        lab.reply(OUT, {"Value": "yes", "CorrelationId": sent["CorrelationId"]})
        assert lab.wait(run).status == "completed"
        (done,) = lab.tool_calls(run)
        assert done["connected_agent"] == {**told["connected_agent"], "output": "so"}
        assert len(list(lab.client.threads.list())) == 2


def test_a_connected_agent_that_never_began_begins_after_the_restart(site: Site) -> None:
    """Killed between storing the call and creating the child: the child gets the ids that were told."""
    with site.open() as lab:
        child = lab.agent("Slow.")
        main = lab.agent("Delegate.", tools=[connected(child, "slow_bot")])
        site.model.plays("Delegate.", calls(call("slow_bot", query="x")), say("Done."))
        site.model.plays("Slow.", [Pause(), *say("never")])
        run = lab.start(main)
        lab.wait_for_pause()
        (told,) = lab.tool_calls(run)
    store = Store(site.state / "foundry.sqlite", site.clock)
    thread = store.find("thread", told["connected_agent"]["thread_id"])
    assert thread is not None
    store.remove(thread)
    store.close()

    site.model.plays("Slow.", say("at last"))
    with site.open() as lab:
        assert lab.wait(run).status == "completed"
        assert lab.tool_calls(run)[0]["connected_agent"] == {**told["connected_agent"], "output": "at last"}


def test_a_cancel_that_was_under_way_is_finished_after_the_restart(site: Site) -> None:
    """`cancelling` is a promise."""
    with site.open() as lab:
        run = waiting_for_foo(lab, site)
    site.edit("run", lambda r: Record("run", r.parent, {**r.document, "status": "cancelling"}, r.inner))

    with site.open() as lab:
        assert lab.wait(run).status == "cancelled"


def test_a_run_whose_time_was_up_while_the_service_was_down_is_expired(site: Site) -> None:
    """Ten minutes are ten minutes."""
    with site.open() as lab:
        run = waiting_for_foo(lab, site)

    site.clock.advance(700)
    with site.open() as lab:
        assert lab.get(run).status == "expired"


def test_a_child_whose_parent_has_ended_is_cancelled_at_the_start(site: Site) -> None:
    """Killed between ending the parent and ending the child: nobody waits for it any more."""
    with site.open() as lab:
        child = lab.agent("Slow.")
        main = lab.agent("Delegate.", tools=[connected(child, "slow_bot")])
        site.model.plays("Delegate.", calls(call("slow_bot", query="x")), say("Done."))
        site.model.plays("Slow.", [Pause(), *say("never")])
        run = lab.start(main)
        lab.wait_for_pause()
        told = lab.tool_calls(run)[0]["connected_agent"]
    site.edit(
        "run",
        lambda r: (
            r
            if r.inner.get("parent")
            else Record("run", r.parent, {**r.document, "status": "failed"}, r.inner)
        ),
    )

    with site.open() as lab:
        assert lab.wait(lab.client.runs.get(told["thread_id"], told["run_id"])).status == "cancelled"


def test_a_reset_forgets_everything_and_stops_all_work(site: Site) -> None:
    """Tests and demos start over without a restart."""
    with site.open() as lab:
        run = waiting_for_foo(lab, site)
        lab.emulator.reset()
        assert list(lab.client.list_agents()) == []
        assert list(lab.client.threads.list()) == []
        with pytest.raises(HttpResponseError, match="No thread found"):
            lab.get(run)
        assert lab.ask(lab.agent("Again.")).status == "completed"

    with site.open() as lab:
        assert len(list(lab.client.list_agents())) == 1


def test_a_stream_breaks_off_when_the_service_stops(site: Site) -> None:
    """Without a `done` the client knows that it has not seen the end, and polls."""
    site.model.plays("Slow.", [TextPiece("So"), Pause(), *say("never")])
    names: list[str] = []
    with site.open() as lab:
        agent, thread = lab.agent("Slow."), lab.thread("Hello")
        with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
            for name, _, _ in stream:
                names.append(str(name))
                if name == "thread.message.delta":
                    lab.emulator.stop()

    assert names[-1] == "thread.message.delta"
    site.model.plays("Slow.", say("So it ends"))
    with site.open() as lab:
        (run,) = lab.client.runs.list(thread.id)
        assert lab.wait(run).status == "completed"


def test_a_listener_that_ends_before_its_stream_does_not_wait_for_the_client(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A polite end of TLS would: for half a minute, for a client that is busy with something else."""
    site.model.plays("Slow.", [TextPiece("So"), Pause(), *say("never")])
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 15)
    with site.open() as lab:
        stop = lab.emulator.foundry.stop

        async def later() -> None:
            await asyncio.sleep(0.5)  # by then the listener has been told to end
            await stop()

        monkeypatch.setattr(lab.emulator.foundry, "stop", later)
        agent, thread = lab.agent("Slow."), lab.thread("Hello")
        with lab.client.runs.stream(thread.id, agent_id=agent.id) as stream:
            assert any(str(name) == "thread.message.delta" for name, _, _ in stream)
            lab.emulator.stop()
