"""docs/api/ tells every part of the public surface, as the code has it now."""

import ast
import re
from pathlib import Path

import pytest

from commands.reference import FOLDER, pages, promised_by, public_methods
from commands.reference_groups import GROUPS, group_of
from commands.reference_words import prose, wrapped
from commands.surface import Code, Entry, surface

LONGEST_PAGE = 400
ITALIC = re.compile(r"(?<!\*)\*([a-z_]\w*)\*(?!\*)")
CODE = Code()
SURFACE = surface(CODE)
PAGES = pages(CODE)


def made_of(root: Path, **files: str) -> list[str]:
    """Return the surface of a small repository. *files*: text by path, with two underscores for each slash."""
    missing = {name: "" for name in ("app", "runtime", "functions__function_app") if name not in files}
    for name, text in (files | missing).items():
        path = root / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for folder in ("ui", "commands", "chaos"):
        (root / folder).mkdir()
    return [entry.name for entry in surface(Code(root))]


def test_the_committed_reference_is_what_the_docstrings_say() -> None:
    """When this fails, type: python3 run.py fix"""
    assert {file.name: file.read_text("utf-8") for file in FOLDER.glob("*.md")} == PAGES


def test_everything_public_says_what_it_is() -> None:
    """A method may leave it to the protocol that it fulfils, as the reference does."""
    silent = []
    for entry in SURFACE:
        if isinstance(entry.node, ast.ClassDef | ast.FunctionDef) and not says_something(entry.node):
            silent.append(f"{entry.module}.{entry.name}")
        silent += [
            f"{entry.module}.{entry.name}.{method.name}"
            for method in public_methods(entry)
            if not says_something(method) and not promised_by(method.name, entry, SURFACE)
        ]

    assert silent == []


def says_something(node: ast.ClassDef | ast.FunctionDef) -> bool:
    """Return whether there is a sentence: words, and a full stop somewhere."""
    words = (ast.get_docstring(node) or "").split()
    return len(words) > 1 and any(word.endswith(".") for word in words)


def test_every_name_that_a_docstring_sets_in_italics_is_there() -> None:
    """A field that was renamed or taken away lives on in words; names of others are set as code."""
    wrong = []
    for entry in SURFACE:
        own = names_in(entry.node) | base_names(entry)
        documented = [entry.node, *public_methods(entry)]
        for node in documented:
            if isinstance(node, ast.ClassDef | ast.FunctionDef):
                said = set(ITALIC.findall(ast.get_docstring(node) or ""))
                wrong += [
                    f"{entry.module}.{entry.name}: {name}" for name in sorted(said - own - names_in(node))
                ]

    assert wrong == []


def names_in(node: ast.AST) -> set[str]:
    """Return parameters, fields and methods; of a class, what its methods keep in self as well."""
    found = {one.arg for one in ast.walk(node) if isinstance(one, ast.arg)}
    if isinstance(node, ast.ClassDef):
        found |= {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
        found |= {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
        found |= {ast.unparse(one.target) for one in node.body if isinstance(one, ast.AnnAssign)}
        found |= {ast.unparse(one.targets[0]) for one in node.body if isinstance(one, ast.Assign)}
    return found


def base_names(entry: Entry) -> set[str]:
    module = CODE.module(entry.module)
    assert module is not None
    bases = entry.node.bases if isinstance(entry.node, ast.ClassDef) else []
    found = [one for base in bases for one in CODE.used(base, module)]
    return set().union(*(names_in(one.node) | base_names(one) for one in found))


def test_every_class_and_function_of_the_surface_is_on_its_page() -> None:
    for entry in SURFACE:
        if isinstance(entry.node, ast.ClassDef | ast.FunctionDef):
            text = PAGES[f"{group_of(entry.module).page}.md"]
            heading = f"### {entry.name}\n" if isinstance(entry.node, ast.ClassDef) else f"{entry.name}("
            assert heading in text, f"{entry.module}.{entry.name}"


def test_no_page_is_too_long_to_be_read() -> None:
    assert {name: lines for name, text in PAGES.items() if (lines := text.count("\n")) > LONGEST_PAGE} == {}


def test_every_page_has_something_to_tell() -> None:
    """A group whose modules are gone would leave an empty page behind."""
    assert {group.page for group in GROUPS} == {group_of(entry.module).page for entry in SURFACE}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_to_a_file(name: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", PAGES[name])

    assert [link for link in links if "://" not in link and not (FOLDER / link).exists()] == []
    assert links


def test_what_callers_import_is_the_surface_with_the_types_and_errors_it_shows(tmp_path: Path) -> None:
    """Listed by hand it would be behind the code on the second day."""
    found = made_of(
        tmp_path,
        pages__a="from services.s import Service\nfrom services import words",
        pages__b="from services import words\nwords.say()",
        services__s="from services.m import Answer\nclass Service:\n"
        '    def ask(self) -> Answer:\n        """Return it. Raises Refused."""\n'
        "    def _hidden(self) -> Inner: ...\n"
        "class Refused(Exception): ...\nclass Inner: ...\nclass Unused: ...",
        services__m="from typing import Literal\nState = Literal['a']\nclass Answer:\n    state: State",
        services__words="def say() -> None: ...\ndef unsaid() -> None: ...",
    )

    assert found == ["State", "Answer", "Service", "Refused", "say"]


def test_a_module_of_no_page_is_refused() -> None:
    """Else a new package would be missing from the reference, and nobody would notice."""
    with pytest.raises(LookupError, match=r"services\.brand_new"):
        group_of("services.brand_new.module")


def test_errors_and_requests_become_points() -> None:
    text = prose("Return it. Raises NotFound: gone. Sends one request. It is kept.", facts=True)

    assert text == "Return it. It is kept.\n- *Raises* NotFound: gone.\n- *Requests*: Sends one request."


def test_what_is_no_html_and_no_list_does_not_become_one() -> None:
    assert prose("Return <id> of `<code>`.") == "Return &lt;id> of `<code>`."
    assert wrapped("abc - b 3. c 0.5 d", 4).splitlines() == ["abc", r"\- b", r"3\. c", "0.5", "d"]


def test_a_method_is_told_by_the_protocol_that_it_fulfils() -> None:
    """ClassicBackend repeats nothing of what AgentBackend promises."""
    classic = next(entry for entry in SURFACE if entry.name == "ClassicBackend")

    assert promised_by("list_agents", classic, SURFACE) == "AgentBackend"
    assert promised_by("list_agents", classic, no_protocols()) == ""


def no_protocols() -> list[Entry]:
    return [entry for entry in SURFACE if entry.name != "AgentBackend"]
