"""The pages of the API reference: which module is told on which."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """One page. *modules*: beginnings of module names; the longest of all groups that fits decides.

    *guides*: pages of docs/ that tell how these work.
    """

    page: str
    title: str
    says: str
    modules: tuple[str, ...]
    guides: tuple[str, ...] = ()


GROUPS = (
    Group(
        "answers",
        "Answers",
        "Asking, following what happens, stopping, and finding answers again.",
        ("services.answers",),
        ("answers",),
    ),
    Group(
        "models",
        "Models",
        "What services hand to pages. All of it is frozen, and safe to share between threads.",
        ("services.models",),
    ),
    Group(
        "errors",
        "Errors",
        "Every failure that leaves `services/`.",
        ("services.errors",),
        ("operations",),
    ),
    Group(
        "agents",
        "Agents",
        "The seam to the agent service, the team of agents, and the catalogue of function tools.",
        ("services.agents",),
    ),
    Group(
        "agent-inventory",
        "What is known of agents",
        "The board, the checks, the map and the use that the page Agents draws, and what it can do.",
        ("services.inventory.agents",),
    ),
    Group(
        "threads",
        "Threads",
        "The index of threads and their runs, one thread in full, and its export.",
        ("services.inventory.threads",),
    ),
    Group(
        "queues",
        "Queues and poison",
        "Depth, age and content of queues; what was given up on, why, and sending it back.",
        ("services.queues", "services.poison"),
        ("poison",),
    ),
    Group(
        "monitor",
        "Monitor",
        "Queries of Log Analytics, metrics of Azure Monitor, and the trace of one answer.",
        ("services.monitor",),
        ("queries", "pages"),
    ),
    Group(
        "overview",
        "Figures of the pages",
        "What Overview, Metrics and Queues make of rows: figures, parts, costs, concerns. Nothing here sends a request.",
        tuple(
            f"services.monitor.{name}"
            for name in ("overview", "attention", "flow", "usage", "pairs", "owners", "passages")
        ),
    ),
    Group(
        "diagnosis",
        "Diagnosis, doctor and health",
        "Why an answer is not there, and what is wrong with the set-up.",
        ("services.diagnosis", "services.doctor", "services.health", "services.standing"),
        ("diagnosis", "doctor"),
    ),
    Group(
        "access",
        "Access and sign-in",
        "Who may do what, and who somebody is.",
        ("services.access", "services.actions", "services.signin"),
        ("signin",),
    ),
    Group(
        "audit",
        "Audit",
        "The trail of actions, and whether it is whole.",
        ("services.audit",),
        ("audit",),
    ),
    Group(
        "cleanup",
        "Clean-up",
        "Finding and deleting what nobody needs any more.",
        ("services.housekeeping",),
        ("cleanup",),
    ),
    Group(
        "backup",
        "Back-up and faults",
        "Copying a project into a file and another project, and making Local Azure fail on purpose.",
        ("services.backup", "services.faults"),
        ("backup", "emulator"),
    ),
    Group(
        "resilience",
        "Resilience and clients",
        "How remote calls are made, repeated and ended, and what they are made with.",
        ("services.resilience", "services.errands", "services.transport", "services.clients"),
        ("resilience",),
    ),
    Group(
        "telemetry",
        "Telemetry and demo",
        "What Relaydeck tells Application Insights, and the demo history.",
        ("services.telemetry", "services.demo"),
        ("telemetry", "demo"),
    ),
    Group(
        "settings",
        "Settings and composition",
        "From settings to running services.",
        (
            "runtime",
            "services.assembly",
            "services.settings",
            "services.settings_source",
            "services.endpoints",
            "services.prices",
            "services.redaction",
            "services.log_guard",
            "services.ids",
            "services.version",
        ),
        ("configuration", "architecture"),
    ),
    Group(
        "functions",
        "Function tools",
        "What a function of the function app is made of.",
        ("tools",),
        ("function-tools",),
    ),
)
INDEX = """# API reference

Generated from the docstrings by `python -m commands.reference`; `python3 run.py fix` does it too. It holds what the
dashboard, the commands and the chaos suite import from `services/`, what they use of `runtime.py`, what the function
app is made of, and the types that all of these show. How the parts work together: [architecture](../architecture.md).

What a method raises and how many requests it costs is told where its docstring tells it; see [resilience](../resilience.md) for what
every remote call has in common. A method without a word of its own does what the protocol beside it says.
"""


def group_of(module: str) -> Group:
    """Return the page that *module* belongs to. Raises LookupError: to none, so GROUPS must learn of it."""
    fits = [
        (len(start), group)
        for group in GROUPS
        for start in group.modules
        if module == start or module.startswith((f"{start}.", f"{start}_"))
    ]
    if not fits:
        raise LookupError(f"{module} belongs to no page of the reference: say in GROUPS which it is")
    return max(fits, key=lambda fit: fit[0])[1]
