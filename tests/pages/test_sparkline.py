"""The small pictures in the tiles: what is not known is a gap, and zero is the ground."""

import base64
import xml.etree.ElementTree as ET

from ui.charts import sparkline

NAMESPACE = "{http://www.w3.org/2000/svg}"


def drawn(*values: float | None) -> ET.Element:
    address = sparkline.picture(values, "light")
    kind, _, data = address.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return ET.fromstring(base64.b64decode(data))


def lines(picture: ET.Element) -> list[list[tuple[float, float]]]:
    return [
        [(float(x), float(y)) for x, y in (point.split(",") for point in one.attrib["points"].split())]
        for one in picture.iter(f"{NAMESPACE}polyline")
    ]


def test_a_gap_parts_the_line() -> None:
    first, second = lines(drawn(1, 2, None, 3, 4))
    assert (len(first), len(second)) == (2, 2)
    assert first[-1][0] < second[0][0]


def test_the_ground_is_zero_and_the_highest_value_is_on_top() -> None:
    (line,) = lines(drawn(5, 10, 0))
    heights = [y for _, y in line]
    assert heights[1] == sparkline.PAD
    assert heights[2] == sparkline.HEIGHT - sparkline.PAD
    assert heights[0] == (heights[1] + heights[2]) / 2


def test_a_value_between_two_gaps_is_a_dot() -> None:
    picture = drawn(1, None, 2, None, 3, 3)
    assert len(list(picture.iter(f"{NAMESPACE}circle"))) == 2


def test_one_value_is_no_way_to_be_shown() -> None:
    assert sparkline.picture((1.0, None), "dark") == ""
    assert sparkline.picture((), "dark") == ""


def test_nothing_but_zeros_lies_on_the_ground() -> None:
    (line,) = lines(drawn(0, 0, 0))
    assert {y for _, y in line} == {sparkline.HEIGHT - sparkline.PAD}


def test_who_cannot_see_it_is_told_its_range() -> None:
    assert sparkline.words((1.0, None, 4.0, 2.5)) == "Trend: from 1 to 4, now 2.5"


def test_values_far_from_zero_show_their_way_and_fill_nothing() -> None:
    """97 % and 99 % of answers would look alike above a ground at zero."""
    picture = drawn(97.0, 99.0, 98.0)
    (line,) = lines(picture)
    assert max(y for _, y in line) - min(y for _, y in line) > sparkline.HEIGHT / 2
    assert list(picture.iter(f"{NAMESPACE}polygon")) == []
