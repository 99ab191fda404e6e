"""Queues and function: do the queues exist where the agents look for them, does what travels fit, is anybody there."""

import base64
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from services.agents.backend import QueueBinding
from services.agents.plan import ORCHESTRATOR
from services.doctor.findings import FindingState, Said
from services.doctor.subject import STORAGE, Subject
from services.doctor.words import PROBE, PROBE_STEP, account_of, create_queue, listed, not_reachable
from services.errors import NotFound
from services.health import judge_function_app
from services.models import PeekedMessage
from services.monitor.results import Ask, Row
from services.queues import POISON_SUFFIX

WRITTEN = "base64"  # how the Agent Service writes calls, and expects answers
LEFT_LYING_S = 60.0
LOOK_BACK = timedelta(hours=24)
STEPS: dict[str, tuple[str, str]] = {
    "down": (
        "Start the function app; then read its Log stream in the portal.",
        "az functionapp start --name <function app> --resource-group <group>",
    ),
    "degraded": ("See Queues: why each message is there, and what to do about it.", ""),
    "unknown": ("Put the queues right first.", ""),
}
HEALTH: dict[str, FindingState] = {"ok": "ok", "degraded": "warning", "down": "failed", "unknown": "unknown"}


def exist(subject: Subject) -> Said:
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    names = set(subject.queues.list_names("azure-function-"))
    wanted = [name for tool in subject.catalogue for name in (tool.input_queue, tool.output_queue)]
    missing = [name for name in wanted if name not in names]
    if missing:
        step = "Create each of them, or publish the function app by its deployment, which does."
        return Said("failed", f"Missing: {listed(missing)}.", step, create_queue(subject, missing[0]))
    return Said("ok", f"All {len(wanted)} queues of the function tools exist in {account_of(subject)}.")


def same_account(subject: Subject) -> Said:
    """Compare the queues that the agents' tool definitions name with those that Relaydeck and the function use."""
    if subject.team is None or subject.backend is None or subject.queues is None:
        return not_reachable(
            "Agents and queues", subject, "PROJECT_ENDPOINT_ENT and STORAGE_SERVICE_ENDPOINT"
        )
    named: list[QueueBinding] = []
    for role, agent in subject.team.standing().items():
        if role != ORCHESTRATOR:
            for function in subject.backend.get_definition(agent.id).functions:
                named += [function.input, function.output]
    if not named:
        return Said("unknown", "No agent of the team names a queue yet.", PROBE_STEP, PROBE)
    ours = subject.settings.storage_endpoint
    foreign = sorted({one.endpoint for one in named if one.endpoint.rstrip("/").lower() != ours.lower()})
    if foreign:
        step = "Set STORAGE_SERVICE_ENDPOINT to the account that the function app uses, and update the team."
        return Said("failed", f"The agents' tools name queues in {listed(foreign)}, not in {ours}.", step)
    existing = set(subject.queues.list_names())
    missing = sorted({one.queue for one in named if one.queue not in existing})
    if missing:
        told = f"The agents' tools name queues that do not exist: {listed(missing)}."
        return Said("failed", told, "Create each of them.", create_queue(subject, missing[0]))
    return Said("ok", f"The agents' tools name {len(named)} queues, all of them in {account_of(subject)}.")


def encoding(subject: Subject) -> Said:
    """Compare what host.json tells the Functions host to expect with what lies in the queues."""
    said = _host_encoding(subject.root / "functions" / "host.json")
    if said is not None and said != WRITTEN:
        step = 'Set extensions.queues.messageEncoding to "base64" in functions/host.json and publish the function app.'
        return Said("failed", f"host.json says {said}; the Agent Service writes and reads base64.", step)
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    looked, wrong = 0, []
    for queue in _queues(subject):
        try:
            texts = subject.queues.peek_raw(queue)
        except NotFound:
            continue
        looked += len(texts)
        if bad := sum(not is_base64(text) for text in texts):
            wrong.append(f"{queue} ({bad} of {len(texts)})")
    if wrong:
        step = (
            "Whoever wrote them must encode as base64; what lies in a poison queue was given up on for that."
        )
        return Said("failed", f"Messages that are not base64: {listed(wrong)}.", step)
    if said is None:
        return Said("unknown", "functions/host.json cannot be read, so what the host expects is not known.")
    seen = f"all {looked} waiting messages are" if looked else "no message waits that could differ"
    return Said("ok", f"host.json says base64, and {seen}.")


def round_trip(subject: Subject) -> Said:
    """Look whether answers come back under the CorrelationId of their call: one that does not lies unread."""
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    unread, torn = [], []
    for tool in subject.catalogue:
        try:
            waiting = subject.queues.peek(tool.output_queue)
        except NotFound:
            continue
        if any(not _correlated(message) for message in waiting):
            torn.append(tool.output_queue)
        elif old := [message for message in waiting if _age_s(message, subject) > LEFT_LYING_S]:
            unread.append(f"{tool.output_queue} ({len(old)})")
    if torn:
        step = 'The function must answer {"Value": …, "CorrelationId": …} with the CorrelationId of the call, unchanged.'
        return Said("failed", f"Answers without a readable CorrelationId in {listed(torn)}.", step)
    if unread:
        step = "Their runs have ended, or the CorrelationId was changed: compare one on Queues with its call."
        return Said("warning", f"Answers that nobody reads in {listed(unread)}.", step)
    calls = sum(row["calls"] for row in _proofs(subject, "tool") if isinstance(row["calls"], int))
    if calls:
        return Said("ok", f"No answer lies unread; calls that came back within the last 24 hours: {calls}.")
    return Said(
        "unknown",
        "No answer lies unread; no call of the last 24 hours proves that they arrive.",
        PROBE_STEP,
        PROBE,
    )


def function_alive(subject: Subject) -> Said:
    if subject.queues is None:
        return not_reachable(STORAGE, subject, "STORAGE_SERVICE_ENDPOINT")
    inputs = [tool.input_queue for tool in subject.catalogue]
    depths = subject.queues.depths_of([*inputs, *(name + POISON_SUFFIX for name in inputs)])
    health, words = judge_function_app(depths[: len(inputs)], depths[len(inputs) :])
    if health != "ok":
        return Said(HEALTH[health], words, *STEPS[health])
    rows = list(_proofs(subject, "function"))
    if not rows:
        return Said(
            "unknown", "Nothing waits, and no invocation of the last 24 hours is known.", PROBE_STEP, PROBE
        )
    return Said("ok", f"Nothing waits; {rows[0]['name']} was executed last, {_ago(rows[0], subject)}.")


def is_base64(text: str) -> bool:
    """Return whether *text* is text in base64, as the Functions host reads it. Pure."""
    try:
        base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except ValueError:
        return False
    return bool(text.strip())


def _host_encoding(file: Path) -> str | None:
    """Return what host.json sets, base64 where it sets nothing; None when it cannot be read."""
    try:
        extensions = json.loads(file.read_text("utf-8")).get("extensions", {})
        return str(extensions.get("queues", {}).get("messageEncoding", WRITTEN)).lower()
    except (OSError, ValueError, AttributeError):
        return None


def _queues(subject: Subject) -> Iterator[str]:
    for tool in subject.catalogue:
        yield from (tool.input_queue, tool.output_queue, tool.input_queue + POISON_SUFFIX)


def _correlated(message: PeekedMessage) -> bool:
    return message.body is not None and bool(message.body.get("CorrelationId"))


def _age_s(message: PeekedMessage, subject: Subject) -> float:
    return (subject.now() - message.inserted_at).total_seconds() if message.inserted_at else 0.0


def _proofs(subject: Subject, part: str) -> Iterator[Row]:
    """Yield what telemetry of the last day proves of *part* (`tool`, `function`), newest first; nothing where it cannot
    be asked."""
    if subject.logs is None:
        return
    now = subject.now()
    (result,) = subject.logs.ask(Ask("proven_calls", {"start": now - LOOK_BACK, "end": now}))
    yield from (row for row in result.rows if row["part"] == part)


def _ago(row: Row, subject: Subject) -> str:
    newest = row["newest"]
    if not isinstance(newest, datetime):
        return "at an unknown time"
    return f"{max(0.0, (subject.now() - newest).total_seconds()) / 60:.0f} min ago"
