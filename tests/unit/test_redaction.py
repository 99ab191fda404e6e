"""Secrets leave no text: by their form, by what they are, and whoever writes the line."""

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from services import log_guard, redaction
from services.errors import ServiceError
from services.redaction import hide, hide_in, learn, learn_named
from services.telemetry.logs import JsonFormatter
from tests.canaries import CANARIES, seen_in
from ui.logs import EventFormatter

OPAQUE = "c4n4ry-opaque-value-77"


@pytest.fixture(autouse=True)
def learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test teaches is forgotten by the next."""
    monkeypatch.setattr(redaction, "_known", ())


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What a handler of somebody else's writes, on a logger that passes nothing on: as Streamlit and uvicorn have theirs."""
    log_guard.protect()
    stream, logger = io.StringIO(), logging.getLogger("somebody.else")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger.handlers, logger.propagate = [handler], False
    yield stream
    logger.handlers, logger.propagate = [], True


@pytest.mark.parametrize("name", CANARIES)
def test_each_kind_of_secret_is_taken_out_where_it_usually_stands(name: str) -> None:
    canary = CANARIES[name]
    if not canary.has_form:
        learn([canary.value])
    assert seen_in(hide(canary.text)) == [] and "before" in hide(canary.text)


def test_a_value_without_a_form_is_taken_out_once_it_is_known() -> None:
    assert OPAQUE in hide(f"a {OPAQUE} b")
    learn_named({"RELAYDECK_SOMETHING_KEY": OPAQUE, "RELAYDECK_ENVIRONMENT": "production-like"})
    assert hide(f"a {OPAQUE} b production-like") == "a … b production-like"


def test_short_and_empty_values_do_not_blank_out_everything() -> None:
    learn_named({"API_KEY": "local", "OTHER_KEY": "", "ZERO_KEY": "00000000-0000-0000-0000-000000000000"})
    assert hide("a local run 00000000-0000-0000-0000-000000000000") == (
        "a local run 00000000-0000-0000-0000-000000000000"
    )


def test_a_tree_keeps_its_numbers_and_loses_what_stands_under_the_name_of_a_secret() -> None:
    found = hide_in({"client_secret": "short", "token": 12, "list": ["sig=abcdef", {"x": None}], "ok": True})
    assert found == {"client_secret": "…", "token": 12, "list": ["sig=…", {"x": None}], "ok": True}


def test_an_error_of_ours_never_holds_one() -> None:
    """It goes to the screen, to the log and to telemetry: it is cleaned where it is made."""
    error = ServiceError("It said: AccountKey=abcdefghijklmnop==;", operation="x")
    assert "abcdef" not in f"{error} {error.message} {error!r}"


@pytest.mark.parametrize("name", CANARIES)
def test_no_handler_writes_one_from_the_message_its_arguments_its_exception_or_its_stack(
    name: str, written: io.StringIO
) -> None:
    canary, logger = CANARIES[name], logging.getLogger("somebody.else")
    learn([canary.value] if not canary.has_form else [])
    logger.error(canary.text)
    logger.error("args %s and %r", canary.text, {"x": canary.text})
    try:
        raise RuntimeError(canary.text) from ValueError(canary.text)
    except RuntimeError:
        logger.exception("broken", stack_info=True)

    assert "RuntimeError" in written.getvalue()
    assert seen_in(written.getvalue()) == []


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.parametrize("name", CANARIES)
def test_our_own_lines_hold_none_in_their_data(name: str, form: str) -> None:
    log_guard.protect()
    canary, stream = CANARIES[name], io.StringIO()
    learn([canary.value] if not canary.has_form else [])
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if form == "json" else EventFormatter("%(name)s %(message)s"))
    record = logging.makeLogRecord(
        {"name": "x", "msg": "thing.done", "reason": canary.text, "of": [canary.text]}
    )
    handler.emit(record)

    assert seen_in(stream.getvalue()) == []
    document = stream.getvalue() if form == "json" else stream.getvalue().partition("thing.done ")[2]
    assert "before" in json.loads(document)["reason"]


FORGED = 'ok\n2026-01-01 00:00:00,000 INFO forged thing.done {"a": 1}\r\n\x1b[2K\x1b[1A\x07\x9b31m\u2028x\u202ey\x00'


def test_a_line_cannot_be_forged(written: io.StringIO) -> None:
    """A new line in a text of others would begin a record; an escape would repaint those before it."""
    logging.getLogger("somebody.else").error("said: %s", FORGED)

    first, *rest = written.getvalue().rstrip("\n").split("\n")
    assert first == "ERROR said: ok"
    assert rest and all(line.startswith("    ") for line in rest)
    assert all(letter.isprintable() for line in (first, *rest) for letter in line)


def test_a_json_line_stays_one_line_that_can_be_read() -> None:
    line = JsonFormatter().format(logging.makeLogRecord({"name": "x", "msg": FORGED, "extra": FORGED}))
    assert "\n" not in line and line.isascii()
    assert json.loads(line)["event"] == FORGED


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_ends_badly_is_logged_without_secrets(caplog: pytest.LogCaptureFixture) -> None:
    log_guard.protect()

    def work() -> None:
        raise RuntimeError("Bearer abcdefghijklmnopqrstuvwxyz")

    before = threading.excepthook
    threading.excepthook = log_guard._thread_ended
    try:
        thread = threading.Thread(target=work, name="worker")
        thread.start()
        thread.join()
    finally:
        threading.excepthook = before
    assert "thread.crashed" in caplog.text and "RuntimeError: Bearer …" in caplog.text
    assert "abcdefghij" not in caplog.text
