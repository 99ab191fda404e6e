"""The Runs page in every state: the real page and SDK, a workspace that answers as the test wrote."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

import runtime
from commands.stack import Control
from services.monitor.catalogue import all_queries
from tests.pages.conftest import ROOT, RUN_TIMEOUT_S, SHELL, address, words
from tests.pages.workspaces import ask_of
from tests.scripted_server import Asked, Reply, ScriptedServer, as_json
from ui import runs_table, safe
from ui.runs_export import EXPORT_ROWS

QUERIES = ("runs", "runs_figures", "runs_shape", "runs_points")
TYPES = {"datetime": "datetime", "string": "string", "real": "real", "long": "long", "bool": "bool"}
Row = dict[str, object]
Body = dict[str, object]


def at(minutes_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def run(number: int, outcome: str = "answered", **more: object) -> Row:
    known: Row = {
        "started": at(number),
        "outcome": outcome,
        "run_id": f"run_{number}",
        "thread_id": f"thread_{number}",
        "answer_id": f"answer_{number}",
        "agent_name": "orchestrator",
        "agents": "clerk",
        "tools": "foo",
        "took_ms": 1500.0,
        "demo": False,
    }
    return {**known, **more}


def figures(total: int, matching: int, **more: object) -> Row:
    known: Row = {"total": total, "matching_runs": matching, "failed": 0, "demo_runs": 0}
    return {**known, **({"p50_ms": 1500.0, "p95_ms": 14200.0} if matching else {}), **more}


def bodies(rows: list[Row], total: int, matching: int | None = None, **more: object) -> dict[str, list[Row]]:
    """Return what the four queries say of *rows*, a page of *matching* runs."""
    counted: list[Row] = (
        [{"bucket": at(5), "outcome": "answered", "step": 31, "runs": len(rows)}] if rows else []
    )
    return {
        "runs": rows,
        "runs_figures": [figures(total, len(rows) if matching is None else matching, **more)],
        "runs_shape": counted,
        "runs_points": rows,
    }


class Workspace:
    """A workspace that answers as told, the last answer again and again. *asked*: the texts of each of its requests."""

    def __init__(self, script: ScriptedServer) -> None:
        self._script = script
        self.asked: list[dict[str, str]] = []

    def answers(self, *told: dict[str, list[Row]] | Reply, errors: dict[str, Body] | None = None) -> None:
        waiting = list(told)

        def reply(asked: Asked) -> Reply:
            requests = asked.document["requests"]
            assert isinstance(requests, list)
            named = {one["id"]: (_name(one["body"]["query"]), one["body"]["query"]) for one in requests}
            is_of_page = any(name in QUERIES for name, _ in named.values())
            found = (waiting.pop(0) if len(waiting) > 1 else waiting[0]) if is_of_page else {}
            if is_of_page:
                self.asked.append(dict(named.values()))
            if isinstance(found, Reply):
                return found
            return as_json(
                {"responses": [_response(key, name, found, errors or {}) for key, (name, _) in named.items()]}
            )

        self._script.play(reply)


def _name(text: str) -> str:
    return next(name for name, query in all_queries().items() if text.endswith(query.text))


def _response(key: str, name: str, found: dict[str, list[Row]], errors: dict[str, Body]) -> Body:
    columns = all_queries()[name].columns
    rows = [[row.get(column) for column in columns] for row in found.get(name, [])]
    described = [{"name": column, "type": TYPES.get(kind, "string")} for column, kind in columns.items()]
    table = {"tables": [{"name": "PrimaryResult", "columns": described, "rows": rows}]}
    error = errors.get(name)
    if error is None:
        return {"id": key, "status": 200, "body": table}
    if error.get("code") == "PartialError":
        return {"id": key, "status": 200, "body": {**table, "error": error}}
    return {"id": key, "status": 400, "body": {"error": error}}


@pytest.fixture
def workspace(control: Control, scripted: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """Relaydeck with a scripted workspace in place of Local Azure's; all else is real."""
    scripted.play()
    ask_of(scripted, monkeypatch)
    return Workspace(scripted)


def opened(**parameters: str) -> AppTest:
    """Open the page, paused unless *parameters* (with _ for each -) say otherwise."""
    page = AppTest.from_file(str(SHELL), default_timeout=RUN_TIMEOUT_S)
    for name, value in {"refresh": "off", **parameters}.items():
        page.query_params[name.replace("_", "-")] = value
    page.switch_page(str(ROOT / "pages" / "runs.py"))
    page.run()
    assert not page.exception
    return page


def tiles(page: AppTest) -> dict[str, str]:
    return {metric.label: str(metric.value) for metric in page.metric}


def listed(page: AppTest) -> list[str]:
    """Return the ids of the runs in the list."""
    return [str(found) for found in page.dataframe[0].value["Run"]]


def specs(page: AppTest) -> list[dict[str, list[dict[str, object]]]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


# What telemetry tells ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("known", "shown"), [(2, "none"), (1, "not known")])
def test_that_nobody_waited_is_not_the_same_as_not_knowing(
    workspace: Workspace, known: int, shown: str
) -> None:
    workspace.answers(bodies([run(1), run(2)], 2, wait_known=known))

    assert tiles(opened())["p95 wait"] == shown


def test_figures_list_and_both_charts_come_with_one_request(workspace: Workspace) -> None:
    """A page that asks four times would be throttled four times as soon."""
    workspace.answers(
        bodies([run(1), run(2, "failed", problem_title="Silent")], 2, failed=1, wait_p95_ms=7000.0)
    )
    page = opened()
    shown = tiles(page)

    assert len(workspace.asked) == 1
    assert set(workspace.asked[0]) >= set(QUERIES)
    assert (shown["Runs"], shown["Median time"], shown["p95 time"], shown["p95 wait"]) == (
        "2",
        "1.5 s",
        "14.2 s",
        "7.0 s",
    )
    assert shown["Tokens"] == "not known"
    assert listed(page) == ["run_1", "run_2"]
    assert [list(value) for value in page.dataframe[0].value["Status"]] == [["✓ Answered"], ["✕ Failed"]]
    assert len(specs(page)) == 2
    assert "1-2 of 2" in words(page)


def test_the_place_among_all_is_exact_and_the_page_is_asked_of_the_workspace(workspace: Workspace) -> None:
    """Rows 51 to 100 of 1,204: neither counted nor cut by us."""
    workspace.answers(bodies([run(number) for number in range(50)], 1204, 1204))
    page = opened(runs_page="2", runs_sort="longest")

    assert "51-100 of 1,204" in words(page)
    assert "let first_row = long(50);" in workspace.asked[0]["runs"]
    assert 'let sorting = "took";' in workspace.asked[0]["runs"]
    assert "Longest first, over all runs that match" in words(page)
    assert page.pagination[0].value == 2


def test_a_page_past_the_end_is_the_last_one(workspace: Workspace) -> None:
    workspace.answers(bodies([], 60, 60), bodies([run(1)], 60, 60))
    page = opened(runs_page="99")

    assert "51-51 of 60" in words(page)
    assert "let first_row = long(50);" in workspace.asked[1]["runs"]


def test_many_runs_are_drawn_as_density(workspace: Workspace) -> None:
    """Ten thousand points in one place look like one."""
    told = bodies([run(1)], 2001, 2001)
    told["runs_points"] = [run(number % 60) for number in range(2001)]
    workspace.answers(told)
    kinds = [spec["data"][0]["type"] for spec in specs(opened())]

    assert kinds == ["bar", "heatmap"]


def test_text_of_others_is_only_text(workspace: Workspace) -> None:
    hostile = "![x](https://evil.example) <img src=x> $x$ :material/check:"
    workspace.answers(bodies([run(1, problem_title=hostile, agents=hostile, run_id="run_1")], 1))
    page = opened(runs_run="run_1")

    assert safe.inline(hostile, 600) in words(page)
    assert hostile not in words(page)
    assert "&lt;img" in json.dumps(specs(page))
    assert "<img" not in json.dumps(specs(page))


# Filters ----------------------------------------------------------------------------------------------


def test_filters_of_a_link_reach_every_query(workspace: Workspace) -> None:
    workspace.answers(bodies([run(1)], 5))
    page = opened(runs_outcome="failed", runs_agent='cl"erk', runs_min="2.5", runs_text="x | take 1")

    for name in QUERIES:
        text = workspace.asked[0][name]
        assert 'let outcomes = dynamic(["failed"]);' in text
        assert 'let agent = "cl\\"erk";' in text
        assert "let min_ms = long(2500);" in text
        assert 'let words = "x | take 1";' in text
    assert page.multiselect(key="runs-widget-outcome").value == ["failed"]


def test_filters_that_few_need_are_folded_away_and_counted(workspace: Workspace) -> None:
    """A filter that nobody sees must still be seen to work."""
    workspace.answers(*[bodies([run(1)], 5)] * 2)
    page = opened(runs_min="2.5")
    labels = [one.proto.popover.label for one in page.get("popover")]
    assert any("More filters: 1" in label for label in labels)
    assert not page.number_input

    page.session_state["runs-more"] = True
    page.run()
    page.number_input(key="runs-widget-min").set_value(4.0).run()
    assert address(page, "runs-min") == "4"


def test_a_filter_that_empties_the_list_says_of_how_many_and_clears(workspace: Workspace) -> None:
    workspace.answers(bodies([], 1204), bodies([run(1)], 1204))
    page = opened(runs_text="nothing like it")
    assert "0 of 1,204 runs match." in words(page)
    assert tiles(page)["Median time"] == "none"

    page.button(key="runs-clear-list").click().run()
    assert address(page, "runs-text") == ""
    assert page.text_input(key="runs-widget-text").value == ""
    assert listed(page) == ["run_1"]


def test_what_is_chosen_goes_into_the_address_and_back_to_the_first_page(workspace: Workspace) -> None:
    workspace.answers(bodies([run(number) for number in range(50)], 120, 120))
    page = opened(runs_page="2")
    page.selectbox(key="runs-widget-tool").set_value("foo").run()

    assert address(page, "runs-tool") == "foo"
    assert address(page, "runs-page") == ""
    assert "1-50 of 120" in words(page)


def test_a_foreign_address_is_understood_as_far_as_it_goes(workspace: Workspace) -> None:
    """What was left out is told: the list would else pass for the filtered one."""
    workspace.answers(bodies([run(1)], 1))
    page = opened(
        runs_outcome="lost", runs_min="soon", runs_page="-1", runs_text="x" * 500, runs_sort="'; drop"
    )
    told = words(page).replace("\\", "")

    assert "“lost” is no outcome of a run" in told
    assert "“soon” is not a duration" in told
    assert "“-1” is not a page number" in told
    assert "is not a text of at most 200 characters" in told
    assert listed(page) == ["run_1"]


def test_a_marked_stretch_narrows_all_but_the_bars_and_can_be_taken_back(workspace: Workspace) -> None:
    workspace.answers(bodies([run(20)], 1))
    page = opened(runs_from=at(30), runs_to=at(15))
    starts = {
        name: text.partition("let start = ")[2].partition(";")[0] for name, text in workspace.asked[0].items()
    }

    assert starts["runs"] == starts["runs_figures"] == starts["runs_points"] != starts["runs_shape"]
    assert any("Marked:" in button.label for button in page.button)
    page.button(key="runs-unmark-above").click().run()
    assert address(page, "runs-from") == ""


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        (
            {"range": "custom", "from": "2026-11-22T12:00:00Z", "to": "2016-11-22T12:00:00Z"},
            "wrong way round",
        ),
        ({"range": "custom", "from": "2999-01-01T00:00:00Z", "to": "2999-01-02T00:00:00Z"}, "in the future"),
        ({"range": "10y"}, "no range"),
    ],
    ids=["reversed ten years", "future", "unknown"],
)
def test_a_range_that_cannot_be_is_told_and_the_list_is_there(
    workspace: Workspace, parameters: dict[str, str], told: str
) -> None:
    workspace.answers(bodies([run(1)], 1))
    page = opened(**parameters)

    assert told in words(page).replace("\\", "")
    assert listed(page) == ["run_1"]


# States -----------------------------------------------------------------------------------------------


def test_an_empty_range_says_so_and_shows_the_way(workspace: Workspace) -> None:
    workspace.answers(bodies([], 0))
    page = opened()

    assert "No run in the last hour." in words(page)
    assert tiles(page)["Runs"] == "0"
    assert tiles(page)["p95 time"] == "none"


def test_a_part_of_the_list_says_that_it_is_one(workspace: Workspace) -> None:
    partial: Body = {"code": "PartialError", "message": "The result set is too large"}
    workspace.answers(bodies([run(1)], 1), errors={"runs": partial})
    page = opened()

    assert "Only a part was read" in words(page)
    assert listed(page) == ["run_1"]


def test_one_query_that_fails_leaves_the_others(workspace: Workspace) -> None:
    workspace.answers(
        bodies([run(1)], 1), errors={"runs_figures": {"code": "BadArgumentError", "message": "no"}}
    )
    page = opened()

    assert listed(page) == ["run_1"]
    assert "1-1 of an unknown number" in words(page)
    assert tiles(page) == {"Runs": "not known", "Failed": "not known", "Open now": "0"}


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        (as_json({"error": {"code": "Forbidden", "message": "no"}}, 403), "HTTP 403"),
        (as_json({"error": {"code": "ThrottledError", "message": "slow"}}, 429), "HTTP 429"),
        (as_json({}), "Could not query the logs"),
        (
            Reply(body=b"<html>Sign in</html>", headers={"Content-Type": "text/html"}),
            "Could not query the logs",
        ),
    ],
    ids=["refused", "throttled", "nothing in it", "a web page"],
)
def test_a_workspace_that_cannot_be_read_is_never_an_empty_list(
    workspace: Workspace, reply: Reply, told: str
) -> None:
    workspace.answers(reply)
    page = opened()

    assert told in words(page).replace("\\", "")
    assert tiles(page) == {"Runs": "not known", "Failed": "not known", "Open now": "0"}
    assert "No run in" not in words(page)


def test_without_a_workspace_the_page_says_what_to_set(without_workspace: None) -> None:
    page = opened()

    assert "RELAYDECK\\_LOGS\\_WORKSPACE" in words(page) or "RELAYDECK_LOGS_WORKSPACE" in words(page)
    assert tiles(page)["Runs"] == "not known"


# Presses ----------------------------------------------------------------------------------------------


def test_what_only_changes_the_presentation_asks_nothing(workspace: Workspace) -> None:
    workspace.answers(bodies([run(number) for number in range(3)], 3))
    page = opened()
    before = len(workspace.asked)
    page.session_state[runs_table.TABLE_KEY] = {"selection": {"rows": [1], "columns": []}}
    page.run()
    page.segmented_control(key="view-zone").set_value("utc").run()

    assert not page.exception
    assert len(workspace.asked) == before


def test_the_selected_run_is_kept_by_its_id(workspace: Workspace) -> None:
    """A new run on top moves all rows down; what was selected must not become its neighbour."""
    workspace.answers(bodies([run(1), run(2)], 2), bodies([run(0), run(1), run(2)], 3))
    page = opened(runs_run="run_2")
    assert page.session_state[runs_table.TABLE_KEY]["selection"]["rows"] == [1]
    page.query_params["runs-min"] = "0.5"
    page.run()

    assert page.session_state[runs_table.TABLE_KEY]["selection"]["rows"] == [2]
    assert "Run `run_2`" in words(page)


def test_a_file_is_read_only_when_it_is_asked_for(workspace: Workspace) -> None:
    """The export is the dearest question of the page: opening the page, or the box, must not ask it."""
    workspace.answers(bodies([run(1, problem_title="=1+1")], 1))
    page = opened()
    assert not [button for button in page.button if button.key == "runs-export-csv"]
    page.session_state["runs-export"] = True
    page.run()
    assert "All that match, 1 run, in the order of the list" in words(page)
    assert len(workspace.asked) == 1

    page.button(key="runs-export-csv").click().run()
    assert f"let last_row = long({EXPORT_ROWS - 1});" in workspace.asked[1]["runs"]
    assert [button.label for button in page.download_button] == ["Download, 1 KB"]


def test_an_export_that_fails_says_so_where_the_file_would_be(workspace: Workspace) -> None:
    workspace.answers(bodies([run(1)], 1), as_json({"error": {"code": "Forbidden", "message": "no"}}, 403))
    page = opened()
    page.session_state["runs-export"] = True
    page.run()
    page.button(key="runs-export-json").click().run()

    assert "HTTP 403" in words(page)
    assert not page.download_button
    assert listed(page) == ["run_1"]


def test_open_answers_stand_apart_from_the_list(workspace: Workspace, control: Control) -> None:
    """They have no telemetry yet; the dashboard itself knows them."""
    workspace.answers(bodies([run(1)], 1))
    control.pace(think_s=30.0)
    answers = runtime.current().services.answers
    answer = answers.ask("What is 6 * 7?")
    try:
        page = opened()
        assert tiles(page)["Open now"] == "1"
        assert "What is 6" in words(page)
        assert listed(page) == ["run_1"]
    finally:
        control.pace()
        answers.cancel(answer.id)
