"""A page that breaks with a secret in hand: the reader gets a reference, the log the trace, nobody the secret."""

import logging
import re

import pytest
from streamlit.testing.v1 import AppTest

from services import redaction
from services.errors import ServiceError
from services.redaction import learn
from services.telemetry.azure_monitor import _hidden
from tests.canaries import CANARIES, seen_in


@pytest.fixture(autouse=True)
def learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redaction, "_known", ())
    learn(canary.value for canary in CANARIES.values() if not canary.has_form)


def everything(at: AppTest) -> str:
    elements = [*at.markdown, *at.caption, *at.code, *at.error, *at.warning, *at.info, *at.exception]
    return "\n".join(str(getattr(one, "value", one)) for one in elements)


@pytest.mark.parametrize("name", CANARIES)
def test_what_broke_is_told_by_a_reference_that_the_log_knows(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    def script(text) -> None:  # type: ignore[no-untyped-def]  # runs alone: it knows no name of this file
        from services import log_guard
        from ui import feedback

        log_guard.protect()
        with feedback.showing_errors():
            raise RuntimeError(text) from ValueError(text)

    with caplog.at_level(logging.ERROR):
        at = AppTest.from_function(script, args=(CANARIES[name].text,))
        at.run(timeout=10)
    shown = everything(at)
    (reference,) = re.findall(r"err_\w+", shown)

    assert any(getattr(record, "reference", "") == reference for record in caplog.records)
    assert "RuntimeError" in caplog.text
    assert seen_in(shown) == [] and seen_in(caplog.text) == []


@pytest.mark.parametrize("name", CANARIES)
def test_an_error_of_a_service_and_a_span_of_it_hold_none(name: str) -> None:
    """What Azure says in a refusal may repeat what it was sent; it goes to the screen and to telemetry."""
    error = ServiceError(f"Could not do it. It said: {CANARIES[name].text}", operation="x")
    told = _hidden({"relaydeck.problem": CANARIES[name].text, "plain": "kept"})

    assert seen_in(f"{error!r} {error.message} {error.args}") == []
    assert seen_in(str(told)) == [] and told["plain"] == "kept"
