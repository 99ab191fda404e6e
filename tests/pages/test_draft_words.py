"""Markdown as the draft of a page writes it: what Streamlit's front end would make of it, and nothing that anybody slips in."""

import re

import pytest

from chaos import payloads
from ui import safe
from ui.draft.words import UndrawnError, html_of, inline_of

TAG = re.compile(r"<(\w+)")
LINK = re.compile(r'href="([^"]*)"')


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("plain words", "plain words"),
        ("**strong** and *thin*", "<strong>strong</strong> and <em>thin</em>"),
        (":red[late]", '<span class="red">late</span>'),
        (":small[:gray[Input]]", '<span class="small"><span class="gray">Input</span></span>'),
        (":red[**Broken**] since", '<span class="red"><strong>Broken</strong></span> since'),
        (":violet-badge[Demo] history", '<span class="badge violet">Demo</span> history'),
        (":material/check_circle: well", '<i class="icon"></i> well'),
        (":green[:material/check:]", '<span class="green"><i class="icon"></i></span>'),
        ("at 12:30:05", "at 12:30:05"),
        ("a:color[:]{}b", "a<span>:</span>b"),
        (":puce[words]", ":puce[words]"),
        (":red[never closed", ":red[never closed"),
        (":red[a \\] b]", '<span class="red">a ] b</span>'),
        ("5 \\* 3 \\< 20", "5 * 3 &lt; 20"),
        ("`a < b`", "<code>a &lt; b</code>"),
        ("~~gone~~", "<s>gone</s>"),
    ],
)
def test_a_label_is_written_as_the_front_end_would(said: str, written: str) -> None:
    assert inline_of(said) == written


def test_paragraphs_lines_and_headings_are_kept_apart() -> None:
    assert html_of("one  \ntwo\n\nthree") == "<p>one<br />\ntwo</p>\n<p>three</p>"
    assert html_of("# Runs") == "<h1>Runs</h1>"
    assert html_of("### :green[:material/check:] Done") == (
        '<h3><span class="green"><i class="icon"></i></span> Done</h3>'
    )


@pytest.mark.parametrize("said", ["- a list", "1. one", "> said", "```\ncode\n```", "---", "    code"])
def test_what_is_laid_out_in_another_way_is_left_to_the_page(said: str) -> None:
    with pytest.raises(UndrawnError):
        html_of(said)


def test_pictures_are_ours_alone() -> None:
    ours = "data:image/svg+xml;base64,PHN2Zy8+"
    assert inline_of(f"![up and down]({ours})") == f'<img src="{ours}" alt="up and down">'
    for foreign in ("https://example.com/a.png", "data:text/html;base64,AAAA", "javascript:alert(1)"):
        assert "<img" not in inline_of(f"![words]({foreign})")


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd"]
)
def test_links_lead_to_the_web_or_stay_here(address: str) -> None:
    assert "<a" not in inline_of(f"[press]({address})")
    assert inline_of("[press](https://example.com/a)") == '<a href="https://example.com/a">press</a>'


def test_what_somebody_else_wrote_stays_text() -> None:
    for text in payloads.markup(300, 7, "127.0.0.1:9"):
        for said in (text, safe.inline(text), f":red[{safe.inline(text)}]"):
            written = inline_of(said)
            assert set(TAG.findall(written)) <= {"a", "span", "i", "em", "strong", "s", "code", "br"}, said
            assert not re.search(r"<[^>]*\s(on\w+|style)=", written), said
            assert all(one.startswith(("http://", "https://", "/", "#")) for one in LINK.findall(written)), (
                said
            )
