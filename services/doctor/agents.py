"""Agents: the model they use, the team of them, what kind of project carries them."""

from services.agents.plan import ORCHESTRATOR
from services.doctor.findings import Said
from services.doctor.subject import PROJECT, Subject
from services.doctor.words import PROBE, PROBE_STEP, listed, not_reachable
from services.errors import NotFound

BASIC_SIGNS = ("invalid tool value", "azure_function")
STANDARD_STEP = (
    "Queue functions need the standard agent setup (Cosmos DB, Storage and AI Search connected by capability hosts); "
    "a basic project cannot be changed into one: create a project with the standard setup and set PROJECT_ENDPOINT_ENT "
    "to it."
)


def model(subject: Subject) -> Said:
    deployment = subject.settings.model
    if subject.backend is None or not deployment:
        return not_reachable("Model deployment", subject, "MODEL_DEPLOYMENT_NAME")
    try:
        name = subject.backend.model_of(deployment)
    except NotFound:
        command = (
            "az cognitiveservices account deployment list --name <account> --resource-group <group> -o table"
        )
        step = "Set MODEL_DEPLOYMENT_NAME to one of those that there are."
        return Said("failed", f"There is no deployment named {deployment} in this project.", step, command)
    return Said("ok", f"{deployment} is there" + (f", of the model {name}." if name else "."))


def team(subject: Subject) -> Said:
    if subject.team is None:
        return not_reachable(PROJECT, subject, "PROJECT_ENDPOINT_ENT")
    if subject.settings.team == "per_query":
        return Said(
            "ok", "Agents are made for each question and deleted after it (RELAYDECK_TEAM=per_query)."
        )
    standing = subject.team.standing()
    wanted = [ORCHESTRATOR, *(tool.name for tool in subject.catalogue)]
    missing = [role for role in wanted if role not in standing]
    if not missing:
        return Said(
            "ok", f"All {len(wanted)} agents of the team exist (definition {subject.team.definition})."
        )
    if (refusal := subject.team.refusal) is not None:
        return Said(
            "failed", f"The team could not be made. {refusal.message}", _step(refusal.message, refusal.hint)
        )
    if len(missing) == len(wanted):
        return Said("warning", "The team is not made yet: the first question makes it.", PROBE_STEP, PROBE)
    return Said(
        "warning", f"Missing of the team: {listed(missing)}. The next question makes them.", PROBE_STEP, PROBE
    )


def setup(subject: Subject) -> Said:
    """Say whether the project has the standard setup: no service tells, but only there a function tool is taken."""
    if subject.team is None or subject.backend is None:
        return not_reachable(PROJECT, subject, "PROJECT_ENDPOINT_ENT")
    members = [agent for role, agent in subject.team.standing().items() if role != ORCHESTRATOR]
    for agent in members:
        if subject.backend.get_definition(agent.id).functions:
            return Said(
                "ok", f"Standard: {agent.name} carries a queue function, which a basic project refuses."
            )
    refusal = subject.team.refusal
    if refusal is not None and is_basic(refusal.message):
        return Said("failed", refusal.message, STANDARD_STEP)
    return Said(
        "unknown", "No agent carries a queue function yet, and nothing else tells.", PROBE_STEP, PROBE
    )


def is_basic(message: str) -> bool:
    """Return whether *message* is how a project with the basic setup refuses a queue function."""
    return all(sign in message.lower() for sign in BASIC_SIGNS)


def _step(message: str, hint: str) -> str:
    return STANDARD_STEP if is_basic(message) else hint
