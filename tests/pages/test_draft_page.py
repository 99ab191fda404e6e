"""What Streamlit was told to draw, as the draft writes it. How it lies on the screen: tests/browser/test_draft.py."""

import re

import pytest
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.Block_pb2 import Block
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.Markdown_pb2 import Markdown
from streamlit.proto.Metric_pb2 import Metric
from streamlit.proto.PageConfig_pb2 import PageConfig

from ui.draft.page import html_of_page
from ui.draft.words import UndrawnError


def wide() -> ForwardMsg:
    said = ForwardMsg()
    said.page_config_changed.layout = PageConfig.Layout.WIDE
    return said


def at(*path: int) -> ForwardMsg:
    said = ForwardMsg()
    said.metadata.delta_path.extend(path)
    return said


def text(body: str, *path: int) -> ForwardMsg:
    said = at(*path)
    said.delta.new_element.markdown.body = body
    said.delta.new_element.markdown.element_type = Markdown.Type.NATIVE
    return said


def column(*path: int) -> ForwardMsg:
    said = at(*path)
    said.delta.add_block.flex_container.direction = Block.FlexContainer.VERTICAL
    return said


def skeleton(height_px: int, *path: int) -> ForwardMsg:
    said = at(*path)
    said.delta.new_element.skeleton.SetInParent()
    said.delta.new_element.height_config.pixel_height = height_px
    return said


def words(html: str) -> list[str]:
    return re.sub(r"<[^>]*>", "\n", html).split()


def drawn(*messages: ForwardMsg) -> str:
    return html_of_page([wide(), *messages])


def test_what_stands_in_the_main_part_is_written_in_its_order() -> None:
    menu = text("menu", 1, 0)

    assert words(drawn(text("second", 0, 1), menu, text("first", 0, 0))) == ["first", "second"]


def test_what_is_sent_again_takes_the_place_of_what_was_there() -> None:
    assert words(drawn(text("old", 0, 0), text("new", 0, 0))) == ["new"]


def test_a_container_that_is_sent_again_keeps_what_is_in_it() -> None:
    assert words(drawn(column(0, 0), text("inside", 0, 0, 0), column(0, 0))) == ["inside"]


def test_a_run_that_begins_anew_begins_with_nothing() -> None:
    anew = ForwardMsg()
    anew.new_session.SetInParent()

    assert words(drawn(text("old", 0, 0), text("more", 0, 1), anew, text("new", 0, 0))) == ["new"]


def test_a_container_of_nothing_takes_no_place_and_one_of_a_thing_that_went_does() -> None:
    gone = at(0, 1, 0)
    gone.delta.new_element.empty.SetInParent()

    assert drawn(column(0, 0)) == ""
    assert "column" in drawn(column(0, 1), gone)


def test_a_box_stands_for_the_widget_that_will_come() -> None:
    widget = at(0, 0)
    widget.delta.new_element.text_input.label = "Find"

    assert "height:38px" in drawn(skeleton(38, 0, 0), widget)
    with pytest.raises(UndrawnError, match="text_input"):
        drawn(widget)


def test_a_table_is_its_text_and_never_the_grid() -> None:
    sheet, grid = at(0, 0, 0), at(0, 0, 1)
    sheet.delta.new_element.html.body = "<div class=sheet>rows</div>"
    grid.delta.new_element.dataframe.SetInParent()

    assert words(drawn(column(0, 0), sheet, grid)) == ["rows"]
    with pytest.raises(UndrawnError, match="dataframe"):
        drawn(column(0, 0), grid)


def test_figures_have_their_change_and_say_nothing_in_html_of_their_own() -> None:
    said = at(0, 0)
    metric = said.delta.new_element.metric
    metric.label, metric.body, metric.delta = "Runs <i>", "12 & more", "+3"
    metric.direction, metric.color = Metric.UP, Metric.GREEN

    html = drawn(said)

    assert "Runs &lt;i&gt;" in html and "12 &amp; more" in html
    assert '<span class="badge delta green"><u>↑</u>+3</span>' in html


def test_links_lead_to_the_pages_that_the_menu_names() -> None:
    menu, link = ForwardMsg(), at(0, 0)
    page = menu.navigation.app_pages.add()
    page.page_script_hash, page.url_pathname = "h1", "trace"
    link.delta.new_element.page_link.page_script_hash = "h1"
    link.delta.new_element.page_link.label = "Trace"
    link.delta.new_element.page_link.query_string = 'run=a"b&x=1'

    assert 'href="/trace?run=a&quot;b&amp;x=1"' in drawn(menu, link)


def test_of_tabs_the_open_one_is_shown() -> None:
    tabs, one, two = at(0, 0), at(0, 0, 0), at(0, 0, 1)
    tabs.delta.add_block.tab_container.default_tab_label = "Two"
    one.delta.add_block.tab.label, two.delta.add_block.tab.label = "One", "Two"

    html = drawn(tabs, one, two, text("first", 0, 0, 0, 0), text("second", 0, 0, 1, 0))

    assert words(html) == ["One", "Two", "second"]
    assert '<span class="open">Two</span>' in html


def test_what_is_pressed_stands_there_with_its_words() -> None:
    button, more, fold, choice = at(0, 0), at(0, 1), at(0, 2), at(0, 3)
    button.delta.new_element.button.label = "Diagnose"
    more.delta.add_block.popover.label = "Ids"
    fold.delta.add_block.expandable.label = "question"
    fold.delta.add_block.expandable.type = Block.Expandable.COMPACT
    for name in ("Steps", "Raw"):
        choice.delta.new_element.button_group.options.add().content = name
    choice.delta.new_element.button_group.default.append(1)

    html = drawn(button, more, fold, choice)

    assert words(html) == ["Diagnose", "Ids", "question", "Steps", "Raw"]
    assert '<span class="open">Raw</span>' in html


def test_what_failed_is_told_in_its_colour() -> None:
    failed = at(0, 0)
    failed.delta.new_element.alert.body = "It **failed**"
    failed.delta.new_element.alert.format = Alert.ERROR

    assert '<div class="alert red"><div class="said"><p>It <strong>failed</strong></p></div></div>' in drawn(
        failed
    )


def test_half_a_page_is_none() -> None:
    alert, unfolded = at(0, 0), at(0, 0)
    alert.delta.new_element.alert.body = "In yellow, which is Streamlit's own"
    alert.delta.new_element.alert.format = Alert.WARNING
    unfolded.delta.add_block.expandable.expanded = True
    for message in (alert, unfolded, text("- a list", 0, 0)):
        with pytest.raises(UndrawnError):
            drawn(text("words", 0, 1), message)
    with pytest.raises(UndrawnError, match="narrow"):
        html_of_page([text("words", 0, 0)])
