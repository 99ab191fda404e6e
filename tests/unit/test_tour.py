"""docs/tour.md shows every page there is, in both schemes, by pictures that load quickly."""

import re

import pytest
from PIL import Image

from tests.markdown import DOCS, section
from ui.menu import MENU, Screen

PICTURES = DOCS / "screenshots"
TOUR = (DOCS / "tour.md").read_text("utf-8")
SCREENS = [screen for screens in MENU.values() for screen in screens]
MOST_BYTES, MOST_BYTES_TOGETHER = 250_000, 4_000_000


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: str(screen.title))
def test_every_page_has_its_place_in_the_tour(screen: Screen) -> None:
    """A page that came to the menu and not to the tour is one that nobody hears of."""
    title, name = screen.title, screen.file.removesuffix(".py")
    shown = section(TOUR, title)

    assert f'src="screenshots/{name}-light-1440.png"' in shown
    assert f'srcset="screenshots/{name}-dark-1440.png"' in shown


def test_every_picture_is_shown_and_small() -> None:
    """A clone carries all of them, for ever."""
    shown = set(re.findall(r'"screenshots/([\w-]+\.png)"', TOUR))
    files = {path.name: path for path in PICTURES.glob("*.png")}

    assert files.keys() == shown
    assert [name for name, path in files.items() if path.stat().st_size > MOST_BYTES] == []
    assert sum(path.stat().st_size for path in files.values()) < MOST_BYTES_TOGETHER


def test_every_picture_is_of_the_width_that_its_name_says() -> None:
    """1440 points, so that letters can be read."""
    for path in PICTURES.glob("*.png"):
        with Image.open(path) as picture:
            assert picture.width == 1440, path.name


def test_every_page_is_described_figure_by_figure() -> None:
    """docs/pages.md; what Ask shows is the whole of docs/answers.md."""
    headings = re.findall(r"^## ([^(`\n]+)", (DOCS / "pages.md").read_text("utf-8"), re.M)

    assert {screen.title for screen in SCREENS} - {heading.strip() for heading in headings} == {"Ask"}
