"""The Azure Monitor tab of the Metrics page: one metric, with the request that reads it."""

from dataclasses import replace

import pytest

import runtime
from commands.stack import Control
from tests.pages.conftest import words
from tests.pages.metrics_monitor import Monitor, at, batch, charts, full, install, opened, tile, told
from tests.scripted_server import Reply, ScriptedServer, as_json
from ui import metrics_explorer

AZURE = {"tab": "Azure Monitor"}


@pytest.fixture
def monitor(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A server in place of Local Azure's monitor, for logs and metrics; all else is real."""
    return install(scripted, monkeypatch)


def points(*values: float | None, split: str = "", name: str = "Transactions") -> Reply:
    data = [
        {"timeStamp": at(5 * place), "total": value, "average": value} for place, value in enumerate(values)
    ]
    marks = [{"name": {"value": split}, "value": "Put<b>"}] if split else []
    metric = {
        "id": "x",
        "type": "t",
        "name": {"value": name},
        "unit": "Count",
        "timeseries": [{"metadatavalues": marks, "data": data}],
    }
    return as_json({"values": [{"interval": "PT1M", "value": [metric]}]})


def test_a_metric_is_drawn_with_the_request_that_reads_it(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(3, None, 7, split="ApiName"))
    page = opened(**AZURE, split="apiname")
    (chart,) = charts(page)

    assert chart["data"][0]["y"] == [3, None, 7]
    assert chart["data"][0]["name"] == "Put&lt;b&gt;"
    assert "Requests, total, by ApiName" in words(page)
    assert "Azure Monitor metrics · every 1 min" in words(page)
    assert (len(monitor.queries), len(monitor.metrics)) == (1, 1)


def test_only_what_the_metric_supports_is_offered(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(4.5, name="QueueMessageCount"))
    page = opened(**AZURE, metric="QueueMessageCount", range="1h")

    assert page.selectbox(key="metrics-azure-agg").options == ["Average"]
    assert page.selectbox(key="metrics-azure-split").options == ["not split"]
    assert "1 h" in page.selectbox(key="metrics-azure-every").options
    assert "1 min" not in page.selectbox(key="metrics-azure-every").options
    assert "hourly data" in words(page)
    assert "holds too few values of it" in words(page)


def test_another_metric_drops_what_it_does_not_support(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(3, split="ApiName"), points(4, name="QueueCount"))
    page = opened(**AZURE, split="ApiName")
    page.selectbox(key="metrics-azure-metric").set_value("QueueCount").run()

    assert not page.exception
    assert "Queues, average" in words(page)
    assert "split" not in page.query_params
    assert page.warning.len == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("resource", "moon"),
        ("metric", "' or 1 eq 1"),
        ("agg", "Median"),
        ("split", "x' or ApiName eq '*"),
        ("every", "PT7M"),
    ],
)
def test_an_address_cannot_ask_for_what_there_is_not(monitor: Monitor, name: str, value: str) -> None:
    """It is said, and replaced; nothing of it goes into the request."""
    monitor.plays(batch(full()))
    monitor.measures(points(1))
    page = opened(**AZURE, **{name: value})

    (warning,) = page.warning
    assert f"is none of {name}=" in warning.value.replace("\\", "")
    assert value not in monitor.metrics[-1].target


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        pytest.param(
            as_json({"error": {"code": "AuthorizationFailed", "message": "No role"}}, 403),
            "No role",
            id="403",
        ),
        pytest.param(as_json({}, 429, retry_after="300"), "asks for a pause of 300 s", id="429"),
        pytest.param(
            Reply(200, b"<html>", {"Content-Type": "text/html"}), "Could not read the metric", id="html"
        ),
        pytest.param(as_json({}), "Could not read the metric", id="bare"),
    ],
)
def test_a_metric_that_cannot_be_read_leaves_the_rest(monitor: Monitor, reply: Reply, said: str) -> None:
    monitor.plays(batch(full()))
    monitor.measures(reply)
    page = opened(**AZURE)

    assert said in told(page)
    assert tile(page, "Calls of agents") == "40"
    assert metrics_explorer.NO_DATA not in words(page)
    assert charts(page) == []


def test_no_value_is_not_zero(monitor: Monitor) -> None:
    monitor.plays(batch(full()))
    monitor.measures(points(None, None))
    page = opened(**AZURE)

    assert metrics_explorer.NO_DATA in words(page)
    assert charts(page) == []


def test_without_a_resource_the_tab_says_what_to_set(
    monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    running = runtime.current()
    monkeypatch.setattr(running, "services", replace(running.services, metrics=None))
    monitor.plays(batch(full()))
    page = opened(**AZURE)

    assert "RELAYDECK_STORAGE_RESOURCE_ID" in words(page)
    assert tile(page, "Calls of agents") == "40"
