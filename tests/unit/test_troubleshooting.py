"""docs/troubleshooting.md is searched for the exact words on a screen: they are those of the code, and none is missing."""

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services import errors
from services.answers.problems import TOOL_REFUSED
from services.doctor.catalogue import CHECKS, WRITE_CHECK
from services.settings import Settings
from tests.markdown import DOCS, ROOT, anchors, rows, section

PAGE = (DOCS / "troubleshooting.md").read_text("utf-8")
OURS = (
    "It does not start",
    "Settings",
    "Sign-in",
    "Could not do something",
    "An answer failed",
    "An action was refused",
    "Health and Doctor",
    "What a function says",
)
SOURCES = (
    "run.py",
    "app.py",
    "runtime.py",
    "commands",
    "services",
    "ui",
    "pages",
    "emulator",
    "functions",
    "infra/hooks",
)
AZURES = {"AADSTS50011", "AADSTS700054", "response_type 'id_token' is not enabled"}  # of Entra ID, among ours
# What users of such deployments complain about most, by the words they meet, and the page that has the whole story.
COMPLAINTS = {
    "InsufficientQuota": "deploy.md#parameters",
    "high demand in … region": "deploy.md#sizes",
    "reached terminal provisioning state 'Failed'": "deploy.md#before",
    "CreateCapabilityHostRequestDto is invalid": "deploy.md#what-is-deployed",
    "Resource not found": "permissions.md#the-foundry-projects-identity",
    "404` when agents are made": "deploy.md#what-is-deployed",
    "Invalid tool value(s): azure_function": "doctor.md#agents",
    "requires_action": "diagnosis.md",
    "Message has reached MaxDequeueCount": "poison.md",
    "the first question takes half a minute": "deploy.md#sizes",
    "KeyBasedAuthenticationNotPermitted": "permissions.md",
    "AuthorizationPermissionMismatch": "deploy.md#deploy",
    "SetBlobServiceProperties": "permissions.md#the-function-apps-identity",
    "TasksOperationsNotAllowed": "container.md",
    "FlagMustBeSetForRestore": "deploy.md#take-it-down",
    "pwsh: not found": "deploy.md#before",
}


def texts_of(source: str) -> Iterator[str]:
    """Yield every text that *source* can say; what is filled in is a zero byte."""
    tree = ast.parse(source)
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield node.value


@functools.cache
def said_by_the_code() -> str:
    """Return every text of the code, one a line."""
    files = [
        path
        for name in SOURCES
        for path in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    texts = (text for path in files for text in texts_of(path.read_text("utf-8")))
    return "\n".join(text.replace("\n", " ") for text in texts)


def quoted(heading: str) -> list[str]:
    """Return the words in the first column of the table below *heading*."""
    return [word for row in rows(section(PAGE, heading)) for word in re.findall(r"`([^`]+)`", row[0])]


def is_said(words: str) -> bool:
    pattern = ".*".join(re.escape(part.strip()) for part in words.split("…"))
    return re.search(pattern, said_by_the_code()) is not None


@pytest.mark.parametrize("heading", OURS)
def test_every_word_that_is_quoted_as_ours_is_in_the_code(heading: str) -> None:
    """Words that nobody says any more cost whoever searches for the ones that are said now."""
    found = quoted(heading)

    assert len(found) > 4
    assert [words for words in found if words not in AZURES and words != ".env" and not is_said(words)] == []


def test_a_word_that_nobody_says_is_seen() -> None:
    """The comparison must be able to fail."""
    assert is_said("The disk of … is full")
    assert not is_said("The disk of … is empty")


def test_every_reason_of_a_failed_call_is_explained() -> None:
    """services/translation.py decides what a failure is called; each of its words is looked up here."""
    reasons = set()
    for node in ast.walk(ast.parse((ROOT / "services" / "translation.py").read_text("utf-8"))):
        parts: list[ast.expr] = []
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            parts = node.value.elts[1:2]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_say":
            parts = node.args[1:2]
        elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in (
            "reason",
            "reply",
            "reason, never",
        ):
            parts = [node.value]
        for part in parts:
            reasons |= {text for text in texts_of(ast.unparse(part)) if re.search(r"[a-z] [a-z]", text)}
    said = quoted("Could not do something")

    assert len(reasons) > 25
    assert [
        one
        for one in sorted(reasons)
        if not any(one.lstrip("; \0").startswith(words.split("…")[0].strip()) for words in said)
    ] == []


def test_every_kind_of_error_is_explained() -> None:
    """The class is what logs, exports and /statusz name."""
    kinds = {
        kind.__name__
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.ServiceError)
        and kind is not errors.ServiceError
    }
    told = {row[2] for row in rows(section(PAGE, "Could not do something"))}

    assert told | {"NotYet"} == kinds
    assert "`NotYet`" in section(PAGE, "Could not do something")


def test_a_reason_is_of_the_class_that_the_table_says() -> None:
    """Scripts branch on the class; people look up the words."""
    told = {
        word: row[2]
        for row in rows(section(PAGE, "Could not do something"))
        for word in re.findall(r"`([^`]+)`", row[0])
    }
    judged = {
        (ast.unparse(node.value.elts[0]), text)
        for node in ast.walk(ast.parse((ROOT / "services" / "translation.py").read_text("utf-8")))
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 3
        for text in texts_of(ast.unparse(node.value.elts[1]))
    }

    assert len(judged) > 10
    assert [one for one in sorted(judged) if told[one[1]] != one[0]] == []


def test_every_way_an_answer_can_fail_is_explained() -> None:
    """By the title that people see."""
    source = (ROOT / "services" / "answers" / "problems.py").read_text("utf-8")
    titles = {TOOL_REFUSED}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
            titles |= set(texts_of(ast.unparse(node.args[0])))
        elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            titles |= set(texts_of(ast.unparse(node.value.elts[0])))
        elif isinstance(node, ast.Assign):
            names, values = node.targets[0], node.value
            pairs = (
                zip(names.elts, values.elts, strict=True)
                if isinstance(names, ast.Tuple) and isinstance(values, ast.Tuple)
                else [(names, values)]
            )
            titles |= {
                text
                for name, value in pairs
                if ast.unparse(name) == "title"
                for text in texts_of(ast.unparse(value))
            }

    assert len(titles) > 20
    assert sorted(set(quoted("An answer failed")) ^ titles) == []


def test_every_refusal_at_the_door_is_explained() -> None:
    """Who is kept out reads one heading, and nothing else."""
    source = (ROOT / "ui" / "guard.py").read_text("utf-8")
    told = section(PAGE, "Sign-in")
    headings = {
        value.elts[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Dict)
        for value in node.values
        if isinstance(value, ast.Tuple) and isinstance(value.elts[0], ast.Constant)
    }

    assert len(headings) > 5
    assert [heading for heading in sorted(map(str, headings)) if f"`{heading}`" not in told] == []


@pytest.mark.parametrize("words", COMPLAINTS)
def test_what_people_complain_about_has_an_answer(words: str) -> None:
    """Here by its words, and whole on the page that is named."""
    file, _, anchor = COMPLAINTS[words].partition("#")
    whole = (DOCS / file).read_text("utf-8")

    assert any(words in row[0] and all(row) for row in rows(PAGE))
    assert not anchor or anchor in anchors(whole)


def test_every_setting_that_is_named_exists() -> None:
    """In all documents but the changelog: a variable that nothing reads is worse than none."""
    known = {str(field.alias) for field in Settings.model_fields.values()}
    known |= set(re.findall(r"RELAYDECK_\w+", "".join(path.read_text("utf-8") for path in code_files())))
    named = {
        (path.name, name)
        for path in DOCS.rglob("*.md")
        for name in re.findall(r"\bRELAYDECK_[A-Z_]+[A-Z]\b", path.read_text("utf-8"))
    }

    assert sorted(one for one in named if one[1] not in known) == []


def code_files() -> Iterator[Path]:
    """What reads or sets variables that are no settings of the dashboard: the templates, hooks, tests and commands."""
    for pattern in (
        "infra/**/*.bicep",
        "infra/**/*.py",
        "compose.yaml",
        "commands/*.py",
        "tests/**/conftest.py",
        "tests/infra/*.py",
    ):
        yield from ROOT.glob(pattern)


def test_doctor_tells_of_every_check() -> None:
    """By its title, which is what the page and the command show."""
    text = (DOCS / "doctor.md").read_text("utf-8")
    told = {title.strip() for row in rows(text) for title in row[0].partition(" (")[0].split(",")}

    assert [check.title for check in (*CHECKS, WRITE_CHECK) if check.title not in told] == []
