"""The Markdown files of the repository, as whoever reads them on the web meets them: links, anchors, code, tables."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SKIPPED = {".venv", ".relaydeck", ".git", "node_modules", ".artifacts", ".pytest_cache"}
DOCS = ROOT / "docs"


def files() -> list[Path]:
    """Return every Markdown file of the repository, in the order of their names."""
    found = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in SKIPPED]  # .venv alone has thirty thousand files
        found += [Path(folder) / name for name in names if name.endswith(".md")]
    return sorted(found)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(text: str) -> str:
    """Return *text* with fenced code blanked out, line by line, so that numbers of lines stay."""
    fence, kept = "", []
    for line in text.splitlines():
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip().startswith(fence):
            fence = ""
        elif not fence:
            kept.append(line)
            continue
        kept.append("")
    return "\n".join(kept)


def anchors(text: str) -> set[str]:
    """Return what a link may name behind `#`: the headings as GitHub writes them, a number behind a repeated one."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", prose(text), re.M):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.replace("`", "").lower()).replace(" ", "-")
        names.add(f"{slug}-{found[slug]}" if slug in found else slug)
        found[slug] = found.get(slug, 0) + 1
    return names | set(re.findall(r'<a (?:id|name)="([^"]+)"', text))


def links(text: str) -> Iterator[str]:
    """Yield the target of every link and picture, those of reference definitions included."""
    without_code = re.sub(r"`[^`\n]*`", "``", prose(text))
    yield from re.findall(r"\]\(<?([^)\s>]+)>?(?: \"[^\"]*\")?\)", without_code)
    yield from re.findall(r"^ *\[[^\]]+\]: *<?(\S+?)>?$", without_code, re.M)
    yield from re.findall(r'(?:href|src|srcset)="([^"]+)"', without_code)


def code(text: str) -> list[str]:
    """Return what is set as code within lines."""
    return re.findall(r"`([^`\n]+)`", prose(text))


def section(text: str, heading: str) -> str:
    """Return what stands below *heading* (without its signs) up to the next of its level or above. Raises LookupError."""
    found = re.search(rf"^(#+) {re.escape(heading)}$(.*?)(?=^#{{1,6}} |\Z)", text, re.M | re.S)
    if found is None:
        raise LookupError(f"There is no heading {heading!r}.")
    level = len(found[1])
    rest = text[found.start(2) :]
    end = re.search(rf"^#{{1,{level}}} ", rest, re.M)
    return rest[: end.start()] if end else rest


def rows(text: str) -> list[list[str]]:
    """Return the cells of every row of every table, without heads and rules."""
    found: list[list[str]] = []
    for line in text.splitlines():
        if not line.startswith("|"):
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
        if all(re.fullmatch(r":?-+:?", cell) for cell in cells):
            found.pop()  # what stands above the rule is the head
        else:
            found.append(cells)
    return found
