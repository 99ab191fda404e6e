"""The style sheets that every page of ours begins with."""

import re
from importlib.resources import files

from ui import start_page


def test_no_rule_of_ours_has_the_browser_ask_of_every_element_what_is_in_it() -> None:
    """A rule that ends in a `:has()` alone is asked of each, and all from `html` down is styled anew with each change."""
    for name in start_page.STYLES:
        text = files("ui").joinpath(name).read_text()
        for rule in re.findall(r"^[^/{\n]*:has\([^{]*", text, re.M):
            last = re.split(
                r"\s*[>+~]\s*|\s+", re.sub(r"\([^()]*(?:\([^()]*\)[^()]*)*\)", "()", rule.strip())
            )[-1]
            assert last.startswith("."), rule
            assert "*" not in rule, rule
            assert "[class" not in rule, rule
