"""Tells the browser, with the start page, which scripts the page will be drawn with: it need not find out one by one.

Streamlit's front end asks for the script of a kind of element when the first one arrives, and for what that imports after
it. Plotly's 4.7 MB are asked for early only where nothing is charted, once the browser is idle: elsewhere there is text to
be drawn first, and reading that script takes the browser longer than fetching it.
Links in headers: https://developer.mozilla.org/docs/Web/HTML/Reference/Attributes/rel/modulepreload
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files

from ui.menu import MENU, TABLE, Screen

BAR = ("Button", "ButtonGroup", "TextInput", "PageLink", "Metric", "Selectbox")
LATER = (*BAR, TABLE, "PlotlyChart")
Manifest = Mapping[str, Mapping[str, object]]


def links(manifest: Manifest) -> dict[str, str]:
    """Return the header of each page, by its path; a page without any is not among them."""
    found = {}
    for screen in (one for section in MENU.values() for one in section):
        name = screen.file.removesuffix(".py")
        link = ", ".join(_link(screen, manifest))
        for path in (f"/{name}", *(["/"] if screen.default else [])):
            if link:
                found[path] = link
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


def _link(screen: Screen, manifest: Manifest) -> Iterator[str]:
    if screen.default:  # where nothing is charted
        for file in scripts(manifest, LATER):
            yield f"<./{file}>; rel=prefetch; as=script; crossorigin"
        return
    early = scripts(manifest, (*BAR, *(one for one in screen.parts if one != TABLE)))
    for file in early:
        yield f"<./{file}>; rel=modulepreload; crossorigin"
    for file in scripts(manifest, [one for one in screen.parts if one == TABLE]):
        if file not in early:  # fetched only: read as well, its 1.5 MB would keep the page itself waiting
            yield f"<./{file}>; rel=preload; as=script; crossorigin"


def _with_imports(manifest: Manifest, key: str, found: set[str]) -> set[str]:
    if key not in found and key in manifest:
        found.add(key)
        imports = manifest[key].get("imports")
        for one in imports if isinstance(imports, list) else ():
            _with_imports(manifest, str(one), found)
    return found
