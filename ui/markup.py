"""Markdown in, Markdown out: what is written again can only mean what the parser understood."""

import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_ESCAPED = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|~$&:=^]")
# Streamlit looks for these in the text itself, where no backslash helps; an element around them does.
_LOOKED_FOR = re.compile(r":(?=[\w+/-]+:)|(?:(?<=\s)|(?<![\s\S]))(?:<->|->|<-|--|>=|<=|~=)(?=\s|\Z)")
# What makes an address, of the web or of mail, a link by itself.
_LOOKED_FOR_AND_LINKS = re.compile(rf"{_LOOKED_FOR.pattern}|:(?=//)|(?<=[wW]{{3}})\.|@(?=[\w-])")
_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s<>]+", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", re.IGNORECASE)
_OPEN_PIPE = re.compile(r"(?<!\\)\|")
_TOP_HEADING = 4
_SHOWN_ADDRESS = 200
_ALIGNMENTS = {"text-align:left": ":--", "text-align:right": "--:", "text-align:center": ":-:"}


def parse(text: str) -> list[SyntaxTreeNode]:
    """Return the blocks of *text*."""
    return SyntaxTreeNode(_PARSER.parse(text)).children


def escape(text: str, *, links: bool = True) -> str:
    """Return Markdown that shows *text* as it is, on the line it stands on. *links*: whether addresses in it become links."""
    written, last = [], 0
    for found in (_LOOKED_FOR if links else _LOOKED_FOR_AND_LINKS).finditer(text):
        # One letter in an element of its own: what Streamlit looks for is then in no single text any more.
        place = found.start() if len(found[0]) == 1 else found.start() + 1
        written += [_backslashes(text[last:place]), f":color[{_backslashes(text[place])}]{{}}"]
        last = place + 1
    return "".join([*written, _backslashes(text[last:])])


def write_block(node: SyntaxTreeNode) -> list[str]:
    """Return the lines of one block, and of what it holds."""
    match node.type:
        case "paragraph" | "heading":
            text = _inlines(node.children[0].children) if node.children else ""
            if node.type == "paragraph":
                return text.split("\n")
            level = min(int(node.tag[1:]) + _TOP_HEADING - 1, 6)
            return [f"{'#' * level} {text.replace(chr(10), ' ')}"]
        case "bullet_list" | "ordered_list":
            return _list(node)
        case "blockquote":
            return [f"> {line}" for line in _blocks(node.children)]
        case "fence" | "code_block":
            ticks = "`" * max(3, _longest_run(node.content, "`") + 1)
            return [ticks, *node.content.rstrip("\n").split("\n"), ticks]
        case "hr":
            return ["***"]
        case "table":
            return _table(node)
    return [escape(" ".join(node.content.split()))] if node.content else []


def web_host(address: str) -> str | None:
    """Return the host of a web address that leads where it seems to; None for any other address.

    Refused: other schemes, a name and password before the host, hosts with letters that look like others.
    """
    try:
        split = urlsplit(address)
        port = split.port
    except ValueError:
        return None
    host = split.hostname or ""
    if split.scheme.lower() not in ("http", "https") or "@" in split.netloc or not _HOST.fullmatch(host):
        return None
    return host if port is None else f"{host}:{port}"


def _backslashes(text: str) -> str:
    return _ESCAPED.sub(r"\\\g<0>", text)


def _blocks(nodes: Sequence[SyntaxTreeNode]) -> list[str]:
    lines: list[str] = []
    for node in nodes:
        tight = node.type == "paragraph" and node.hidden
        if lines and not tight and not (node.type.endswith("_list") and nodes[0].hidden):
            lines.append("")
        lines += write_block(node)
    return lines


def _list(node: SyntaxTreeNode) -> list[str]:
    start = int(node.attrs.get("start", 1)) if node.type == "ordered_list" else 0
    lines: list[str] = []
    for place, item in enumerate(node.children):
        mark = f"{start + place}{node.markup or '.'}" if node.type == "ordered_list" else node.markup or "-"
        indent = " " * (len(mark) + 1)
        loose = item.children and item.children[0].type == "paragraph" and not item.children[0].hidden
        if lines and loose:
            lines.append("")
        first, *rest = _blocks(item.children) or [""]
        lines += [f"{mark} {first}", *(indent + line if line else "" for line in rest)]
    return lines


def _table(node: SyntaxTreeNode) -> list[str]:
    rows = [row for section in node.children for row in section.children]
    if not rows:
        return []
    lines = [_row(row) for row in rows]
    marks = [_ALIGNMENTS.get(str(cell.attrs.get("style", "")), "---") for cell in rows[0].children]
    return [lines[0], "| " + " | ".join(marks) + " |", *lines[1:]]


def _row(row: SyntaxTreeNode) -> str:
    cells = [_inlines(cell.children[0].children) if cell.children else "" for cell in row.children]
    flat = [" ".join(cell.replace("\\\n", " ").split()) for cell in cells]
    return "| " + " | ".join(_OPEN_PIPE.sub(r"\|", cell) for cell in flat) + " |"


def _inlines(nodes: Sequence[SyntaxTreeNode]) -> str:
    return "".join(map(_inline, nodes))


def _inline(node: SyntaxTreeNode) -> str:
    match node.type:
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "\\\n"
        case "strong" | "em" | "s":
            return f"{node.markup}{_inlines(node.children)}{node.markup}"
        case "code_inline":
            return code(node.content)
        case "link":
            return _link(node)
        case "image":
            return _image(node)
    return _text(node.content)


def _text(text: str) -> str:
    """Addresses in running text become links by themselves: those that deceive are set as code instead."""
    written, last = [], 0
    for found in _ADDRESS.finditer(text):
        address = found[0] if "://" in found[0] else f"https://{found[0]}"
        if web_host(address) is None:
            written += [escape(text[last : found.start()]), code(found[0])]
            last = found.end()
    return "".join([*written, escape(text[last:])])


def _link(node: SyntaxTreeNode) -> str:
    address = str(node.attrs.get("href", ""))
    label = _inlines(node.children)
    shown = "".join(child.content for child in node.children)
    host = web_host(address)
    if host is None:
        return label if address in ("", shown) else f"{label} ({code(address[:_SHOWN_ADDRESS])})"
    target = address.replace("&", "&amp;").replace("<", "%3C").replace(">", "%3E").replace("\\", "%5C")
    aside = "" if shown in (address, host) else f" ({escape(host)})"
    return f"[{label or escape(host)}](<{target}>){aside}"


def _image(node: SyntaxTreeNode) -> str:
    host = web_host(str(node.attrs.get("src", "")))
    words = [
        "image not loaded",
        " ".join(node.content.split())[:_SHOWN_ADDRESS],
        f"from {host}" if host else "",
    ]
    return escape("[" + ", ".join(word for word in words if word) + "]")


def code(content: str) -> str:
    """Return Markdown that shows *content* as code, in a line."""
    text = " ".join(content.split("\n"))
    if ":material/" in text or not text.strip():
        return escape(text)  # Streamlit rewrites this one in code as well
    ticks = "`" * (_longest_run(text, "`") + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or text.strip() != text else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _longest_run(text: str, letter: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(letter)}+", text)), default=0)
