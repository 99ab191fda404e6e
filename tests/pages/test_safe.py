"""ui.safe: whatever a model, a function or a queue says, only text reaches the screen."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ui import markup, safe

SHORTCODE = re.compile(r"(?<!\\):(?!color\[)[\w+/-]+:")


def markdown_of(text: str) -> str:
    return "\n".join(part.text for part in safe.parts(text) if not part.code)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![pixel](https://evil.example/p.png)", r"\[image not loaded, pixel, from evil\.example\]"),
        ("![](data:image/png;base64,AAAA)", r"\[image not loaded\]"),
        ("[free money](https://evil.example/x)", r"[free money](<https://evil.example/x>) (evil\.example)"),
        ("[https://bank.example](https://evil.example)", r"(evil\.example)"),
        ("[run](javascript:alert(1))", r"\[run\]\(javascript\:alert\(1\)\)"),
        ("[out](/auth/logout)", "out (`/auth/logout`)"),
        ("[in](https://bank.example@evil.example/)", "in (`https://bank.example@evil.example/`)"),
        ("see https://bank.example@evil.example/x now", "`https://bank.example@evil.example/x`"),
        ("<img src=x onerror=alert(1)>", r"\<img src\=x onerror\=alert\(1\)\>"),
        ("$\\href{https://evil.example}{x}$", r"\$"),
        (":red[all is well]", r"\:red\[all is well\]"),
    ],
    ids=[
        "remote-image",
        "inline-image",
        "link-tells-its-host",
        "link-that-names-another-host",
        "script-link",
        "link-into-the-app",
        "link-with-a-name-before-the-host",
        "address-with-a-name-before-the-host",
        "html",
        "latex",
        "colour",
    ],
)
def test_markup_that_could_fetch_run_or_deceive_becomes_text(text: str, shown: str) -> None:
    """The model may be told by a poisoned message to leak what it knows through an image's address."""
    assert shown in markdown_of(text)
    assert "![" not in markdown_of(text)


@pytest.mark.parametrize(
    "text",
    [
        ":material/verified:",
        ":smile:",
        ":streamlit:",
        "::material/check::",
        "a:b:c:",
        "-> x",
        "a -- b",
        "a <-> b",
    ],
)
def test_nothing_streamlit_looks_for_stays_in_one_piece(text: str) -> None:
    """A tick mark that the model wrote must not look like one of ours, and an arrow of a command must stay one."""
    written = markdown_of(text)

    plain = re.sub(r":color\[(.*?)\]\{\}", "\0", written)
    assert not SHORTCODE.search(plain)
    assert not re.search(r"(^|\s)(<->|->|<-|--)(\s|$)", plain.replace("\\", ""))


def test_what_people_write_keeps_its_form() -> None:
    """Lists, tables, emphasis and code are why answers are drawn as Markdown at all."""
    text = (
        "# Title\n\n1. **one**\n2. *two*\n   - `three`\n\n| a | b |\n|---|--:|\n| 1 | `x\\|y` |\n\n> quoted"
    )

    assert markdown_of(text) == (
        "#### Title\n\n1. **one**\n2. *two*\n   - `three`\n\n"
        "| a | b |\n| --- | --: |\n| 1 | `x\\|y` |\n\n> quoted"
    )


def test_code_is_shown_letter_by_letter_and_never_drawn_as_a_diagram() -> None:
    """A mermaid block would run as a diagram; a block of Python keeps its colours."""
    found = safe.parts("before\n\n```python\nx = ':material/check:'\n```\n\n```mermaid\ngraph TD\n```")

    assert [(part.code, part.language) for part in found] == [(False, None), (True, "python"), (True, None)]
    assert found[1].text == "x = ':material/check:'"


def test_a_block_that_is_still_being_written_is_shown_as_code() -> None:
    """While an answer streams, its fence has no end yet."""
    assert safe.parts("```python\nx = 1")[0] == safe.Part("x = 1", code=True, language="python")


def test_hidden_letters_are_taken_out() -> None:
    """Direction marks, tags and control characters make a text read other than it is."""
    assert safe.clean("a\u202eb\u200bc\x1b[31md\U000e0041e\x00\r\nf") == "abc[31mde\nf"


def test_a_label_stays_on_one_line_and_within_its_length() -> None:
    assert safe.inline("a\nb   **c**", 20) == r"a b \*\*c\*\*"
    assert len(safe.inline("x" * 500, 40)) == 40


@given(st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_verbatim_text_means_nothing(text: str) -> None:
    """Read as Markdown again it is one paragraph of plain text, or nothing."""
    blocks = markup.parse(re.sub(r":color\[(.*?)\]\{\}", r"\1", safe.verbatim(text)))

    kinds = {child.type for block in blocks for child in block.walk()}
    assert kinds <= {"paragraph", "inline", "text", "hardbreak", "softbreak"}


def letters(source: str) -> str:
    """The text of a parsed source, without the spaces that only lay it out."""
    found = []
    for block in markup.parse(source):
        found += [
            node.content
            for node in block.walk()
            if node.type in ("text", "code_inline", "fence", "code_block")
        ]
    return re.sub(r"\s", "", "".join(found))


@example("<a1:>")
@given(st.text(alphabet=st.sampled_from("ab 1:*_`~<>#-+=|\\\n$&.{}"), max_size=80))
@settings(max_examples=400, deadline=None)
def test_prose_written_again_has_the_same_letters(text: str) -> None:
    """Escaping must neither lose a letter nor leave markup alive that was none."""
    written = "\n\n".join("\n".join(markup.write_block(block)) for block in markup.parse(text))

    assert letters(re.sub(r":color\[(.*?)\]\{\}", r"\1", written)) == letters(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://bank.example.evil.example/x",
        "see www.bank.example",
        "a@bank.example",
        "http://127.0.0.2:80/1”",
    ],
)
def test_no_address_in_a_label_is_a_link(text: str) -> None:
    """A label is cut, and sentences of ours go on behind it: what is left of an address leads to another host."""
    written = safe.inline(text, 20)

    plain = re.sub(r":color\[(.*?)\]\{\}", "\0", written)
    assert not re.search(r"://|www\\?\.|@", plain)


def test_an_address_in_a_text_shown_letter_by_letter_is_no_link() -> None:
    """`https://bank.example](http://other)` would become one link, to a host that is neither."""
    written = safe.verbatim("[https://bank.example](http://evil.example)")

    assert "://" not in re.sub(r":color\[(.*?)\]\{\}", "\0", written)


def test_a_name_in_a_sentence_stays_code() -> None:
    """A queue, an id: with whatever letters, and on one line."""
    assert safe.code("a`b\nc") == "``a`b c``"
    assert safe.code("x" * 300, 10) == "`xxxxxxxxx…`"
