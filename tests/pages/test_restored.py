"""A conversation that came from a back-up, on Ask: read like any other, honest about what it lacks."""

import runtime
from services.backup.mapping import marked_metadata
from tests.pages.conftest import Open, words


def test_a_restored_conversation_shows_what_was_said_and_why_there_are_no_steps(open_page: Open) -> None:
    """Its messages are there and its runs are not: without a word it would look as if nothing had ever happened."""
    said = (("user", "What did **we** say?"), ("assistant", "That all is well."), ("user", "And then?"))
    messages = [
        {
            "role": role,
            "content": text,
            "metadata": marked_metadata({}, "bkp_1", f"msg_{number}", 1_700_000_000, []),
        }
        for number, (role, text) in enumerate(said)
    ]
    thread = runtime.current().services.backend.create_thread_from(messages, {"opid": "op_restored"})

    shown = words(open_page(thread=thread.id)).replace("\\", "")

    for told in ("That all is well.", "And then?", "Restored from a back-up", "Stopped"):
        assert told in shown
    assert "It ended before the first step" not in shown
