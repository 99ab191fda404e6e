"""What a queue can hold, told before the trip."""

import pytest

from services.errors import InvalidInput
from services.queue_shapes import storable


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("x" * 65_536, ""),
        ("x" * 65_537, "65,537 bytes"),
        ("ü" * 32_768, ""),
        ("ü" * 32_769, "65,538 bytes"),
        ("a\tb\r\nc", ""),
        ("a\x00b", "control character"),
        ("a\x1bb", "control character"),
        ("a\ud800b", "control character"),
        ("a\uffffb", "control character"),
        ("\U0001f600 ok", ""),
    ],
    ids=["full", "over", "full-utf8", "over-utf8", "white", "nul", "escape", "half-pair", "no-char", "emoji"],
)
def test_what_a_queue_cannot_hold_is_refused_in_words(content: str, words: str) -> None:
    """Storage answers 413 or 400 after the whole trip, and an agent that waits for it waits for ever."""
    if not words:
        assert storable(content, "send message", "q") == content
        return
    with pytest.raises(InvalidInput, match=words):
        storable(content, "send message", "q")
