"""The chaos suite's work on odd replies, in short: every client, every kind of oddity."""

import pytest

from chaos import replies
from chaos.seam import CLIENTS
from services import queues, translation
from services.resilience.dependencies import FOUNDRY, QUEUES, TOKEN


@pytest.mark.parametrize("client", CLIENTS)
def test_only_our_own_errors_leave_a_client_and_nothing_wrong_is_believed(client: str) -> None:
    """The whole suite plays 2,000 replies to each; a sign-in takes two handshakes, so it gets fewer here."""
    played, slips = replies.run_client(client, 12 if client == TOKEN else 80, seed=5)

    assert played and slips == []


def test_what_slips_through_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A suite that believes everything would prove nothing."""
    with monkeypatch.context() as patch:
        patch.setattr(queues, "checked", lambda message, **_: message)
        patch.setattr(queues, "name_of", lambda queue: str(queue.name))
        _, slips = replies.run_client(QUEUES, 80, seed=5)
        assert {slip.what for slip in slips} == {"believed"}
    with monkeypatch.context() as patch:
        patch.setattr(translation, "_SHAPE", (KeyError,))
        patch.setattr(translation, "_BAD_BODY", (KeyError,))
        _, slips = replies.run_client(FOUNDRY, 80, seed=5)
        assert "escaped" in {slip.what for slip in slips}
