"""Prompt injection is measured by what it can reach, not by what a model promises."""

from chaos import obedience
from services.agents.catalogue import CATALOGUE
from tests.contract.agents_support import Lab

WRITES = (
    "delete",
    "create",
    "update",
    "purge",
    "replay",
    "cancel",
    "send",
    "write",
    "remove",
    "post",
    "upload",
)


def test_a_model_that_obeys_every_output_changes_nothing(lab: Lab) -> None:
    effects, leaks = obedience.obeyed(lab, 9, seed=7)
    assert effects.met, effects
    assert leaks.met, leaks


def test_no_tool_of_the_catalogue_writes() -> None:
    """What is given to a model is given to whoever writes what the model reads."""
    for tool in CATALOGUE:
        assert not any(word in tool.name.lower().split("_") for word in WRITES), tool.name
