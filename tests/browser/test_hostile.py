"""Hostile texts on every page, in small: `run.py chaos` shows a thousand of them."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from chaos import hostile, payloads
from chaos.hostile_model import Sink

pytestmark = [pytest.mark.browser, pytest.mark.timeout(600)]
TEXTS = 8


@pytest.fixture
def sink() -> Iterator[Sink]:
    found = Sink()
    yield found
    found.close()


def test_nothing_that_others_wrote_calls_runs_hides_or_acts(chromium: Browser, sink: Sink) -> None:
    """Questions, answers, arguments, names, messages, rows of telemetry and parameters of addresses."""
    texts = list(payloads.markup(TEXTS, 5, sink.host))
    with tempfile.TemporaryDirectory() as folder, hostile.hostile_stack(Path(folder), texts, {}) as stack:
        found = list(hostile.attack(stack, Path(folder), chromium, texts, sink, 5, brief=True))

    assert [one for one in found if not one.met] == []
    assert set(hostile.PARAMETERS) - {"", "doctor"} <= set(found[0].detail["pages"])  # type: ignore[call-overload]  # a mapping


def test_the_watch_sees_what_would_have_happened(chromium: Browser, sink: Sink) -> None:
    """The same texts on a page without our walls: a watch that sees nothing there proves nothing."""
    context = chromium.new_context()
    tab, seen = context.new_page(), hostile.Seen()
    seen.watch(tab, "127.0.0.1:1")
    address = f"http://{sink.host}/1"
    tab.set_content(
        f"<div data-testid=stApp><img src='{address}'><script>window.pwned=1</script><a href='{address}'>bank</a></div>"
    )
    tab.wait_for_timeout(300)
    judged = tab.evaluate(hostile._JUDGE)
    context.close()

    assert sink.calls and seen.foreign
    assert judged["ran"] and judged["fetching"] and judged["hidden"]


def test_an_effect_is_told_from_a_look() -> None:
    def one(method: str, operation: str) -> dict[str, object]:
        return {"method": method, "operation": operation, "path": "/x"}

    looks = [
        one("GET", "foundry.list_agents"),
        one("POST", "monitor.query_batch"),
        one("POST", "ingest.track"),
        one("POST", "monitor.upload_logs"),
    ]
    acts = [
        one("DELETE", "foundry.delete_agent"),
        one("POST", "foundry.create_run"),
        one("PUT", "queues.put_message"),
    ]
    assert len(hostile.effects([*looks, *acts], set())) == len(acts)
