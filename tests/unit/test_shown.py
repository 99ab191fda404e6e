"""A browser tells what is on its screen: only the visit that it names hears of it, and only while it is waited for."""

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from ui import shown

CLIENT = TestClient(Starlette(routes=[shown.ROUTE]))


def told(visit: shown.Visit) -> tuple[bool, bool]:
    return visit.text.is_set(), visit.charts.is_set()


@pytest.mark.parametrize(("part", "heard"), [("text", (True, False)), ("charts", (False, True))])
def test_each_part_is_told_to_the_visit_it_names(part: str, heard: tuple[bool, bool]) -> None:
    visit, other = shown.Visit(), shown.Visit()
    with shown.expected(visit), shown.expected(other):
        reply = CLIENT.post(f"/shown/{visit.token}/{part}")
    assert (reply.status_code, reply.content, reply.headers["cache-control"]) == (204, b"", "no-store")
    assert told(visit) == heard
    assert told(other) == (False, False)


@pytest.mark.parametrize(("part", "times"), [("draft", 1), ("text", 1), ("charts", 0)])
def test_whoever_waits_for_the_draft_hears_of_it_once_or_of_the_text_that_came_first(
    part: str, times: int
) -> None:
    visit, heard = shown.Visit(), list[str]()
    shown.when_drafted(visit.token, lambda: heard.append("too early"))  # nobody is expected yet
    with shown.expected(visit):
        shown.when_drafted(visit.token, lambda: heard.append("told"))
        for _ in range(2):
            CLIENT.post(f"/shown/{visit.token}/{part}")
    assert heard == ["told"] * times
    assert told(visit) == (part == "text", part == "charts")
    assert not shown._awaited


@pytest.mark.parametrize("path", ["{token}/all", "0/text", "%00/text", f"{'9' * 4000}/text"])
def test_what_names_nothing_changes_nothing(path: str) -> None:
    visit = shown.Visit()
    with shown.expected(visit):
        assert CLIENT.post("/shown/" + path.format(token=visit.token)).status_code in (204, 404)
    assert told(visit) == (False, False)


def test_after_the_wait_nothing_is_kept_of_a_visit() -> None:
    visit = shown.Visit()
    with pytest.raises(ValueError, match="broken"), shown.expected(visit):
        raise ValueError("broken")
    CLIENT.post(f"/shown/{visit.token}/text")
    assert told(visit) == (False, False)
    assert not shown._expected


def test_it_is_told_and_not_asked() -> None:
    assert CLIENT.get("/shown/0/text").status_code == 405


def test_a_key_names_the_visit_and_how_much_there_is() -> None:
    visit = shown.Visit()
    assert visit.key(8, 1, 4) == f"shown-{visit.token}-8-1-4"
    assert visit.token != shown.Visit().token
