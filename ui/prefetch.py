"""Tells the browser, with the start page, which scripts the page will be drawn with: it need not find out one by one.

Streamlit's front end asks for the script of a kind of element when the first one arrives, and for what that imports after
it. Named here, they are asked for earlier, in three waves: what a page's figures and the text of its tables need, as soon as the front end
has found its server (before that they would take their turn ahead of it, since a browser has few connections to a host), and these are run at
once, while the front end waits for the page;
plotly's 1.1 MB once the text is on the screen, for the charts are sent then; and what one presses, grids among it, once they are drawn.
Asked for at once, eighty files keep the server and the browser from the figures. Where nothing is charted, all of it is asked
for once the browser is idle, for the page that is opened next.
Links: https://developer.mozilla.org/docs/Web/HTML/Reference/Attributes/rel/modulepreload
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from ui.menu import MENU, TABLE, Screen

FIGURES = ("Metric", "PageLink")
CHART = ("PlotlyChart",)
SHEET = "Html"  # a table's text; the table itself comes with what one presses
BAR = ("Button", "ButtonGroup", "TextInput", "Selectbox")
UNCHARTED = (*FIGURES, *BAR, TABLE, *CHART)
Manifest = Mapping[str, Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Link:
    """A script's address below the page's, and when the browser shall ask for it; *wave*: 1 to 3; 0: when it has nothing to do."""

    file: str
    wave: int

    @property
    def header(self) -> str:
        """Return it for the reply's `Link` header: the browser sees it first of all."""
        return f"<./{self.file}>; rel=prefetch; as=script; crossorigin"

    @property
    def waiting(self) -> str:
        """Return it as an element that the script of the start page puts to work."""
        return f'<link data-wave="{self.wave}" href="./{self.file}" crossorigin>'


def links(manifest: Manifest) -> dict[str, tuple[Link, ...]]:
    """Return the links of each page, by its path; a page without any is not among them."""
    found = {}
    for screen in (one for section in MENU.values() for one in section):
        name = screen.file.removesuffix(".py")
        named = tuple(_links(screen, manifest))
        for path in (f"/{name}", *(["/"] if screen.default else [])):
            if named:
                found[path] = named
    return found


def read_manifest() -> Manifest:
    """Return what Streamlit's build says of its scripts; empty when a release says it no more: then nothing is early."""
    try:
        found = json.loads(files("streamlit").joinpath("static/manifest.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def scripts(manifest: Manifest, names: Iterable[str]) -> list[str]:
    """Return the files that draw the kinds of element in *names*, with all they import, less what every page loads."""
    keys = {str(value.get("name")): key for key, value in manifest.items() if value.get("isDynamicEntry")}
    loaded: set[str] = set()
    for key, value in manifest.items():
        if value.get("isEntry"):
            loaded |= _with_imports(manifest, key, set())
    found: dict[str, None] = {}
    for key in (keys[name] for name in names if name in keys):
        found |= {
            str(manifest[one]["file"]): None for one in sorted(_with_imports(manifest, key, set()) - loaded)
        }
    return list(found)


def _links(screen: Screen, manifest: Manifest) -> Iterator[Link]:
    if screen.default:  # where nothing is charted
        yield from (Link(file, 0) for file in scripts(manifest, UNCHARTED))
        return
    named: set[str] = set()
    sheets = [SHEET] if TABLE in screen.parts else []
    for wave, parts in enumerate(((*FIGURES, *sheets), CHART, (*screen.parts, *BAR)), start=1):
        new = [file for file in scripts(manifest, parts) if file not in named]
        named.update(new)
        yield from (Link(file, wave) for file in new)


def _with_imports(manifest: Manifest, key: str, found: set[str]) -> set[str]:
    if key not in found and key in manifest:
        found.add(key)
        imports = manifest[key].get("imports")
        for one in imports if isinstance(imports, list) else ():
            _with_imports(manifest, str(one), found)
    return found
