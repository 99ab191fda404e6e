"""How the API reference spells signatures and docstrings."""

import ast
import re
import textwrap

WIDTH = 118
SENTENCE = re.compile(r"(?<=[.!?]) +(?=[A-Z*`])")
ERRORS = "Raises "
COST = re.compile(
    r"\b(?:no|one|two|three|four|five|\d+|a|per|each|further|single) requests?\b"
    r"|^As many requests|^Sends (?:nothing|no|one|two|a |at most|\d)",
    re.IGNORECASE,
)
BLOCK = re.compile(r"^(?: {4,}|[├└│])|\S {2,}\S", re.MULTILINE)  # what is laid out stays as it is
MARKUP = re.compile(r"^(\d*)([-+#>.])(?= )")
EMPTY = {"dict": "{}", "list": "[]", "set": "set()", "tuple": "()"}


def prose(docstring: str, indent: str = "", *, facts: bool = False) -> str:
    """Return *docstring* as Markdown, lines after the first indented by *indent*.

    *facts*: sentences about errors and requests become points of their own.
    """
    if not docstring:
        return ""
    points: list[str] = []
    shown = []
    for paragraph in docstring.split("\n\n"):
        if BLOCK.search(paragraph):
            shown.append(f"```\n{textwrap.dedent(paragraph)}\n```")
            continue
        kept: list[str] = []
        for sentence in SENTENCE.split(_escaped(" ".join(paragraph.split()))):
            first = not (kept or shown or points)  # it says what this is, whatever else it says
            if facts and not first and sentence.startswith(ERRORS):
                points.append(f"- *Raises* {sentence.removeprefix(ERRORS)}")
            elif facts and not first and COST.search(sentence):
                points.append(f"- *Requests*: {sentence}")
            else:
                kept.append(sentence)
        if kept:
            shown.append(wrapped(" ".join(kept), WIDTH - len(indent)))
    text = "\n\n".join(shown)
    text = "\n".join(filter(None, [text, *points]))
    return textwrap.indent(text, indent).lstrip(" ") if indent else text


def signature(node: ast.FunctionDef, owner: str = "") -> str:
    """Return how *node* is called and what comes back; of a method of *owner*, without self."""
    marks = {ast.unparse(mark).rpartition(".")[2] for mark in node.decorator_list}
    result = _plain(node.returns) if node.returns is not None else "None"
    if marks & {"property", "cached_property"}:
        return f".{node.name}: {result}"
    arguments = _arguments(node.args, bound=bool(owner) and "staticmethod" not in marks)
    start = "." if owner else ""
    if marks & {"classmethod", "staticmethod"}:
        start = f"{owner}."
    before = "with " if "contextmanager" in marks else ""
    return f"{before}{start}{node.name}({arguments}) -> {result}"


def packed(node: ast.ClassDef) -> list[str] | None:
    """Return what an instance is made of or made from; None: it is a protocol, or made of nothing."""
    bases = {ast.unparse(base).partition("[")[0] for base in node.bases}
    made = next(
        (one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"), None
    )
    if "Protocol" in bases:
        made = None
    if made is not None:
        return _split(made.args, bound=True) or None
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and not _is_private(one)]
    return [_field(one) for one in fields] or None


def code_block(node: ast.ClassDef, fields: list[str]) -> str:
    """Return the fields as a call of the class, lines filled up."""
    inside = ", ".join(fields)
    one_line = f"{node.name}({inside})"
    if len(one_line) <= WIDTH:
        return f"```python\n{one_line}\n```"
    lines, line = [], "   "
    for text in fields:
        if len(line) > 4 and len(line) + len(text) + 2 > WIDTH:
            lines.append(line)
            line = "   "
        line += f" {text},"
    return "\n".join(["```python", f"{node.name}(", *lines, line, ")", "```"])


def _arguments(arguments: ast.arguments, *, bound: bool) -> str:
    return ", ".join(_split(arguments, bound=bound))


def _split(arguments: ast.arguments, *, bound: bool) -> list[str]:
    plain = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
    texts = [
        _argument(arg, default) for arg, default in zip(plain, [*defaults, *arguments.defaults], strict=True)
    ]
    if bound:
        texts = texts[1:]
    if arguments.vararg is not None:
        texts.append(f"*{_argument(arguments.vararg, None)}")
    elif arguments.kwonlyargs:
        texts.append("*")
    texts += [
        _argument(arg, default)
        for arg, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    if arguments.kwarg is not None:
        texts.append(f"**{_argument(arguments.kwarg, None)}")
    return texts


def _argument(argument: ast.arg, default: ast.expr | None) -> str:
    kind = f": {_plain(argument.annotation)}" if argument.annotation is not None else ""
    value = f" = {ast.unparse(default)}" if default is not None else ""
    return f"{argument.arg}{kind}{value if kind else value.replace(' ', '')}"


def _field(node: ast.AnnAssign) -> str:
    assert isinstance(node.target, ast.Name)
    value = f" = {_default(node.value)}" if node.value is not None else ""
    if value == " = ":  # a field() that says something else
        value = ""
    return f"{node.target.id}: {_plain(node.annotation)}{value}"


def _default(value: ast.expr) -> str:
    """Return what a field begins with; empty when a call of field() tells nothing of it."""
    if not (isinstance(value, ast.Call) and ast.unparse(value.func) == "field"):
        return ast.unparse(value)
    said = {keyword.arg: ast.unparse(keyword.value) for keyword in value.keywords}
    factory = said.get("default_factory", "")
    return (
        said.get("default")
        or EMPTY.get(factory)
        or (f"{factory}()" if factory.isidentifier() else "…" if factory else "")
    )


def _plain(annotation: ast.expr) -> str:
    """Return a type as it is read; one that is quoted, for it is defined further down, without its quotes."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        return annotation.value
    return ast.unparse(annotation)


def _is_private(node: ast.AnnAssign) -> bool:
    return isinstance(node.target, ast.Name) and node.target.id.startswith("_")


def _escaped(text: str) -> str:
    """Return *text* with what would pass for HTML outside of code made harmless."""
    parts = text.split("`")
    return "`".join(part.replace("<", "&lt;") if index % 2 == 0 else part for index, part in enumerate(parts))


def wrapped(text: str, width: int = WIDTH) -> str:
    """Return *text* in lines of at most *width* where it has spaces; none of them begins a list or a heading."""
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(MARKUP.sub(r"\1\\\2", line) for line in lines)
