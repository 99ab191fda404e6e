"""Finds what of plotly's script nobody here draws with: `python -m ui.plotly_cuts` writes `ui/plotly_script.json`.

Streamlit ships plotly whole: some 45 kinds of trace, maps and three dimensions among them. Its build keeps each module in a
function of its own, which is called where the module is needed, and one call registers the kinds. Without the kinds that are
never drawn here, and without what only they need, a quarter of the script is left. What is needed is found by name and errs
towards keeping: whatever has a name that kept code mentions is kept, be it another thing's there.

One more thing costs the browser: it reads a function over at first, and whole once it is called. The function that all of
plotly lies in is called at once; in parentheses it is read once, before the page's own thread has to do with it.
V8 on both: https://v8.dev/blog/preparser

And Streamlit's own part of the script has each chart drawn twice more than needed: before its width is known, for it is -1
then and only nothing stops it; and after it is drawn, in the colours of a theme that ours have none of (`theme=None`).
"""

import hashlib
import json
import re
import sys
from collections.abc import Container, Iterator, Mapping
from itertools import pairwise

import tree_sitter
import tree_sitter_javascript
from tree_sitter import Node

from ui.plotly_script import DRAWN, PLAN, Edit, Plan, stock

BEGIN, END = b"()=>{var e=(()=>{", b"return window.Plotly=e,e}"  # of the function that plotly lies in
LIST = re.compile(rb"\.register\(\[([^\]]+)\]")  # the kinds of trace: a call of each one's module
MODULE = re.compile(rb'[\w$]+=[\w$]+\(\{"([^"]+)"\(')  # what a module's function is wrapped in, with its path
UNMEASURED = re.compile(rb"let\{width:([\w$]+)\}=[\w$]+\([\w$]+\);return \1(?=\?)")
RECOLOURED = re.compile(rb"\(\)=>\{(?=([\w$]+)\([\w$]+=>[\w$]+\([\w$]+,([\w$]+)\.theme,[\w$]+\)\)\})")
NAMES = ("identifier", "shorthand_property_identifier")


class UnknownBuildError(ValueError):
    """Streamlit's build of plotly is not of the form that this knows; the message says what was not found."""


def main() -> str | None:
    """Write the plan; return why it could not be made, and then leave the last one."""
    found = stock()
    if found is None:
        return "This release of Streamlit does not have plotly in one script."
    try:
        PLAN.write_text(told(found.name, found.read_bytes()), "utf-8", newline="\n")
    except UnknownBuildError as problem:
        return f"{found.name} cannot be made shorter, and is served whole: {problem}"
    return None


def told(name: str, script: bytes) -> str:
    """Return what `ui/plotly_script.json` is to hold. Raises UnknownBuildError."""
    found, sha256 = edits(script), hashlib.sha256(script).hexdigest()
    if _tree(Plan(name, sha256, tuple(found)).applied(script)).has_error:
        raise UnknownBuildError("what is left of it is no JavaScript.")
    lines = ",\n".join(json.dumps(edit) for edit in found)
    return f'{{"file": "{name}",\n"sha256": "{sha256}",\n"edits": [\n{lines}\n]}}\n'


def edits(script: bytes) -> list[Edit]:
    """Return what to change of *script*, in order. Raises UnknownBuildError."""
    begin, end = _only(script, BEGIN), _only(script, END) + len(END)
    listed = LIST.search(script, begin, end)
    tree = _tree(script)
    if listed is None or tree.has_error:
        raise UnknownBuildError("no list of the kinds of trace is in it, or it is no JavaScript.")
    start = begin + len(BEGIN)
    block = tree.descendant_for_byte_range(start, start)
    while block is not None and not (block.type == "statement_block" and block.start_byte == start - 1):
        block = block.parent
    if block is None:
        raise UnknownBuildError("plotly's own function was not found.")
    modules = _modules(block, script)
    calls = {call: modules.get(call.removesuffix("()"), "") for call in listed[1].decode().split(",")}
    drawn = [call for call, module in calls.items() if module in [f"lib/{kind}.js" for kind in DRAWN]]
    if len(drawn) != len(DRAWN):
        raise UnknownBuildError(f"not all of {', '.join(DRAWN)} are among its kinds of trace.")
    needed = _needed(block, script, modules, listed.span(1), {call.removesuffix("()") for call in drawn})
    cuts = [cut for statement in block.named_children for cut in _cuts(statement, needed)]
    changes = [
        (begin, begin, "("),
        *cuts,
        (*listed.span(1), ",".join(drawn)),
        (end, end, ")"),
        *_once(script, end),
    ]
    return list(_joined(sorted(changes), script))


def _once(script: bytes, begin: int) -> Iterator[Edit]:
    """Yield what has a chart drawn once, in Streamlit's part of the script, which begins at *begin*."""
    unmeasured = list(UNMEASURED.finditer(script, begin))
    recoloured = list(RECOLOURED.finditer(script, begin))
    if len(unmeasured) != 1 or len(recoloured) != 1:
        raise UnknownBuildError(
            "what draws a chart before its width is known, or in a theme's colours, was not found."
        )
    yield unmeasured[0].end(), unmeasured[0].end(), ">0"
    yield recoloured[0].end(), recoloured[0].end(), f"{recoloured[0][2].decode()}.theme&&"


def _tree(script: bytes) -> Node:
    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_javascript.language())).parse(script).root_node


def _only(script: bytes, mark: bytes) -> int:
    if script.count(mark) != 1:
        raise UnknownBuildError(f"{mark.decode()} is in it {script.count(mark)} times.")
    return script.index(mark)


def _declared(statement: Node) -> list[Node]:
    """Return what *statement* declares, one by one; nothing of a statement that does something."""
    if statement.type == "variable_declaration":
        return statement.named_children
    return [statement] if statement.type == "function_declaration" else []


def _name(declared: Node) -> str | None:
    """Return None for what is taken apart into several names: it is kept."""
    name = declared.child_by_field_name("name")
    return name.text.decode() if name is not None and name.type == "identifier" and name.text else None


def _modules(block: Node, script: bytes) -> dict[str, str]:
    """Return the modules' paths by the names of their functions."""
    found = {}
    for declared in (one for statement in block.named_children for one in _declared(statement)):
        module = MODULE.match(script, declared.start_byte, declared.end_byte)
        if module is not None and (name := _name(declared)) is not None:
            found[name] = module[1].decode()
    return found


def _needed(
    block: Node, script: bytes, modules: Mapping[str, str], kinds: tuple[int, int], needed: set[str]
) -> set[str]:
    """Return all names that are needed for what does something in *block*, less the list of *kinds*, and for *needed*."""
    uses: dict[str, set[str]] = {}
    waiting = set(needed)
    for statement in block.named_children:
        declared = _declared(statement)
        if not declared:
            waiting |= set(_used(statement, script, modules, kinds))
        for one in declared:
            used = set(_used(one, script, modules, kinds))
            if (name := _name(one)) is None:
                waiting |= used
            else:
                uses[name] = uses.get(name, set()) | used
    found: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting |= uses.get(name, set())
    return found


def _used(node: Node, script: bytes, modules: Container[str], without: tuple[int, int]) -> Iterator[str]:
    """Yield the names in *node*; those of modules where they are called."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.type in NAMES and not without[0] <= one.start_byte < without[1]:
            name = script[one.start_byte : one.end_byte].decode()
            if name not in modules or script.startswith(b"()", one.end_byte):
                yield name
        waiting.extend(one.children)


def _cuts(statement: Node, needed: Container[str]) -> Iterator[Edit]:
    """Yield what to take out of *statement*: all of it, or what it declares in vain with the commas between."""
    declared = _declared(statement)
    kept = [one for one in declared if (name := _name(one)) is None or name in needed]
    if not declared or len(kept) == len(declared):
        return
    if not kept:
        yield statement.start_byte, statement.end_byte, ""
        return
    if kept[0] != declared[0]:
        yield declared[0].start_byte, kept[0].start_byte, ""
    for one, following in pairwise(kept):
        between = declared[declared.index(one) + 1]
        if between != following:
            yield one.end_byte, following.start_byte, ","
    if kept[-1] != declared[-1]:
        yield kept[-1].end_byte, declared[-1].end_byte, ""


def _joined(cuts: list[Edit], script: bytes) -> Iterator[Edit]:
    """Yield *cuts* with those made one that have nothing between them: a semicolon there ends a statement that is kept."""
    last = cuts[0]
    for cut in cuts[1:]:
        if last[2] == cut[2] == "" and not script[last[1] : cut[0]].strip():
            last = (last[0], cut[1], "")
        else:
            yield last
            last = cut
    yield last


if __name__ == "__main__":
    sys.exit(main())
