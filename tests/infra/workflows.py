"""GitHub's workflows, read and held to rules that are stricter than GitHub's own schema: what is not known here is refused."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from commands.__main__ import COMMANDS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".github" / "workflows"
LONGEST_MINUTES = 90
# Which job may write what. Everything else reads the repository, and that is all.
MAY = {
    ("release", "image"): {"contents": "read", "packages": "write"},
    ("release", "release"): {"contents": "write"},
    ("release", "deploy"): {"actions": "write"},
    ("deploy", "deploy"): {"contents": "read", "id-token": "write"},
}
TRIGGERS = {"pull_request", "push", "schedule", "workflow_call", "workflow_dispatch"}
USES = re.compile(r"(?:actions|Azure)/[a-z-]+@v\d+")
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
IN_A_SHELL = re.compile(r"matrix\.[a-z]+( \|\| '[a-z0-9]+')?")  # what the file itself says, and nobody else
FROM_OUTSIDE = re.compile(r"github\.event\b|github\.head_ref|\btoJSON\b")

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_WORDS = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_PERMISSIONS = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"enum": ["read", "write"]},
}


def _closed(required: list[str], **properties: object) -> dict[str, Any]:
    return {
        "type": "object",
        "required": required,
        "properties": properties,
        "additionalProperties": False,
    }


STEP = {
    "oneOf": [
        _closed(["uses"], name=_TEXT, uses=_TEXT, **{"with": _WORDS}),
        _closed(["name", "run"], name=_TEXT, run=_TEXT, env=_WORDS),
    ]
}
JOB = {
    "oneOf": [
        _closed(
            ["runs-on", "timeout-minutes", "steps"],
            name=_TEXT,
            needs={"type": ["string", "array"]},
            environment=_TEXT,
            permissions=_PERMISSIONS,
            env=_WORDS,
            strategy=_closed(
                ["fail-fast", "matrix"], matrix={"type": "object"}, **{"fail-fast": {"const": False}}
            ),
            steps={"type": "array", "minItems": 1, "items": STEP},
            **{
                "if": _TEXT,
                "runs-on": {"enum": ["ubuntu-latest", "${{ matrix.system }}"]},
                "timeout-minutes": {"type": "integer", "minimum": 1, "maximum": LONGEST_MINUTES},
            },
        ),
        _closed(
            ["uses"], needs=_TEXT, uses={"type": "string", "pattern": r"^\./\.github/workflows/\w+\.yml$"}
        ),
    ]
}
WORKFLOW = _closed(
    ["name", "on", "permissions", "concurrency", "jobs"],
    name=_TEXT,
    on={"type": "object", "minProperties": 1, "propertyNames": {"enum": sorted(TRIGGERS)}},
    permissions={"const": {"contents": "read"}},
    concurrency=_closed(
        ["group", "cancel-in-progress"], group=_TEXT, **{"cancel-in-progress": {"type": "boolean"}}
    ),
    jobs={"type": "object", "minProperties": 1, "additionalProperties": JOB},
)


def read(text: str) -> dict[str, Any]:
    """Return the document. YAML 1.1 takes the word `on` for a truth value; here it is a word."""
    found: dict[Any, Any] = yaml.safe_load(text)
    return {("on" if key is True else key): value for key, value in found.items()}


def texts() -> dict[str, str]:
    """Return the text of each workflow by its name."""
    return {path.stem: path.read_text("utf-8") for path in sorted(FOLDER.iterdir())}


def steps(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for job in document["jobs"].values():
        yield from job.get("steps", [])


def problems(name: str, text: str) -> list[str]:
    """Return what is wrong with the workflow *name*; [] when nothing is."""
    document = read(text)
    found = [
        f"{'/'.join(map(str, error.absolute_path)) or 'the file'}: {error.message[:200]}"
        for error in jsonschema.Draft202012Validator(WORKFLOW).iter_errors(document)
    ]
    if found:
        return found
    return [*_of_jobs(name, document), *_of_steps(document), *_of_places(document), *_of_expressions(text)]


def _of_jobs(name: str, document: Mapping[str, Any]) -> Iterator[str]:
    if document["name"] != name:
        yield f"its name is not that of its file, {name}.yml"
    for key, job in document["jobs"].items():
        needs = job.get("needs", [])
        for one in [needs] if isinstance(needs, str) else needs:
            if one not in document["jobs"]:
                yield f"{key} needs {one}, which is no job"
        if "permissions" in job and job["permissions"] != MAY.get((name, key)):
            yield f"{key} may do what nobody has said it may: {job['permissions']}"
        if "uses" in job and not (ROOT / job["uses"]).is_file():
            yield f"{key} uses {job['uses']}, which is not there"


def _of_steps(document: Mapping[str, Any]) -> Iterator[str]:
    for step in steps(document):
        if "run" in step:
            yield from _of_a_command(step["run"])
            continue
        if not USES.fullmatch(step["uses"]):
            yield f"{step['uses']} is not one of GitHub's or Azure's own by its major version"
        if (
            step["uses"].startswith("actions/checkout@")
            and step.get("with", {}).get("persist-credentials") is not False
        ):
            yield "checkout leaves its token behind"


def _of_a_command(run: str) -> Iterator[str]:
    for expression in EXPRESSION.findall(run):
        if not IN_A_SHELL.fullmatch(expression):
            yield f"a shell is handed ${{{{ {expression} }}}}: by env, and quoted, it stays a word"
    for command in re.findall(r"run\.py ([a-z-]+)|-m commands ([a-z-]+)", run):
        if "".join(command) not in COMMANDS:
            yield f"run.py has no command {''.join(command)}"
    for path in re.findall(r"(?<![\w/.\"-])((?:\.github|infra|tests|functions|container)/[\w./-]+)", run):
        if not (ROOT / path).exists():
            yield f"{path} is not there"
    for path in re.findall(r"(?:-r|--file) ([\w./-]+)", run):
        if not (ROOT / path).is_file():
            yield f"{path} is not there"
    for workflow in re.findall(r"gh workflow run ([\w.-]+)", run):
        if not (FOLDER / workflow).is_file():
            yield f"there is no workflow {workflow}"


def _of_places(document: Mapping[str, Any]) -> Iterator[str]:
    globs: list[str] = []
    for trigger in document["on"].values():
        globs += trigger.get("paths", []) if isinstance(trigger, dict) else []
    for step in steps(document):
        key = step.get("with", {}).get("key", "")
        globs += re.findall(r"'([^']+)'", "".join(re.findall(r"hashFiles\((.*?)\)", key)))
    for pattern in globs:
        if not any(ROOT.glob(pattern.removesuffix("/**"))):
            yield f"no file is {pattern}"


def _of_expressions(text: str) -> Iterator[str]:
    for expression in EXPRESSION.findall(text):
        if FROM_OUTSIDE.search(expression):
            yield f"what a stranger wrote is read: {expression}"
