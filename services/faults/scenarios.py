"""What can be staged: each scenario in words, with the faults of Local Azure that make it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

INPUTS, OUTPUTS = "*-input/messages", "*-output/messages"
WEEK_S = 7 * 86_400.0
LASTS_S: Final = (60.0, 120.0, 300.0, 900.0)
USUAL_LASTS_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What to look at. *page*: its title in the menu."""

    page: str
    words: str


@dataclass(frozen=True, slots=True)
class Dial:
    """How strong a scenario is: *field* of its faults, one of *values*. *unit*: `s`, `%` (of a share), or a noun."""

    field: str
    label: str
    unit: str
    values: tuple[float, ...]
    usual: float

    def words(self, value: float) -> str:
        """Return `10 s`, `50 %`, `300 calls`."""
        return f"{value:.0%}".replace("%", " %") if self.unit == "%" else f"{value:g} {self.unit}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """*does*: what it does, in a sentence. *met*: what is counted, as a noun in the plural. *leaves*: what stays when it
    has ended, and *put_right* where that is put right; empty when nothing stays. *faults*: fields of Local Azure's faults.

    *dial*: how strong it can be; None when there is no choice.
    """

    name: str
    title: str
    does: str
    watch: tuple[Watch, ...]
    met: str
    faults: tuple[Mapping[str, object], ...]
    dial: Dial | None = None
    leaves: str = ""
    put_right: str = ""

    def documents(self, intensity: float | None) -> list[dict[str, object]]:
        """Return the faults to script."""
        changed: dict[str, object] = {}
        if self.dial is not None and intensity is not None:
            changed[self.dial.field] = int(intensity) if self.dial.field == "count" else intensity
        return [{**fault, **changed} for fault in self.faults]

    def intensity_of(self, fault: Mapping[str, object]) -> float | None:
        """Return how strong it is, as *fault*, one of its own, tells; None when it has no dial."""
        value = fault.get(self.dial.field) if self.dial else None
        return float(value) if isinstance(value, int | float) else None


SCENARIOS: Final[tuple[Scenario, ...]] = (
    Scenario(
        "cold start",
        "Cold start",
        "The function host is asleep: each call lies in its queue for a while before the host takes it.",
        (
            Watch("Ask", "the step that waits for the function counts up, and the answer comes all the same"),
            Watch("Queues", "one message waits, and its age grows"),
        ),
        "polls while asleep",
        ({"operation": "queues.get_messages", "kind": "asleep", "on": INPUTS},),
        Dial("delay_s", "Asleep for", "s", (5, 10, 20, 45), 10),
    ),
    Scenario(
        "burst",
        "Burst",
        "Another application floods the queue: its calls come before yours, and the host works through all of them.",
        (
            Watch("Queues", "the depth of one queue jumps, and drains"),
            Watch("Ask", "the answer takes some seconds longer"),
            Watch(
                "Runs",
                "in the trace of the run, the wait in the queue is long and the function as quick as always",
            ),
        ),
        "calls that came after a flood",
        ({"operation": "project.put_message", "kind": "crowd"},),
        Dial("count", "Calls before yours", "calls", (50, 200, 500, 1000), 200),
    ),
    Scenario(
        "poison",
        "Poison",
        "Calls are damaged on their way into the queue: no function can read them, and the host gives each up after three "
        "deliveries.",
        (
            Watch("Ask", "the run waits for a function that cannot answer; after a while its hop is named"),
            Watch("Queues", "after half a minute the message lies in the poison queue, with the reason"),
        ),
        "damaged calls",
        ({"operation": "project.put_message", "kind": "garble"},),
        leaves="Each question that was asked meanwhile leaves a message in a poison queue, and a run that waits until its "
        "deadline.",
        put_right="Queues",
    ),
    Scenario(
        "lost output",
        "Lost output",
        "The function answers, and its message never arrives in the output queue.",
        (
            Watch("Ask", "the run waits although the function has answered; the diagnosis says at which hop"),
            Watch("Runs", "the run ends as failed at its deadline, with its hop"),
        ),
        "lost outputs",
        ({"operation": "queues.put_message", "kind": "lose", "on": OUTPUTS},),
        leaves="Each question that was asked meanwhile waits until its deadline, and its conversation stays.",
        put_right="Clean-up",
    ),
    Scenario(
        "throttled model",
        "Throttled model",
        "The model is out of its tokens a minute: turns fail with rate_limit_exceeded.",
        (
            Watch("Ask", "the question ends at once, in words, with when to try again"),
            Watch("Runs", "failed runs, all with the same problem"),
        ),
        "refused turns",
        (
            {
                "operation": "project.run_model",
                "status": 429,
                "code": "rate_limit_exceeded",
                "headers": {"Retry-After": "20"},
            },
        ),
        Dial("chance", "Share of turns refused", "%", (0.25, 0.5, 1.0), 1.0),
    ),
    Scenario(
        "function down",
        "Function down",
        "The function host takes no messages at all.",
        (
            Watch("Ask", "the run waits; after a while it is told how many messages wait in which queue"),
            Watch("Queues", "depth and age grow, and nothing is taken"),
        ),
        "polls without an answer",
        ({"operation": "queues.get_messages", "kind": "asleep", "on": INPUTS, "delay_s": WEEK_S},),
        leaves="Calls that still wait are carried out when it ends, also those whose question was given up on.",
        put_right="Queues",
    ),
    Scenario(
        "duplicate delivery",
        "Duplicate delivery",
        "Each call is delivered twice, as a queue may do at any time.",
        (
            Watch("Ask", "one answer, as always"),
            Watch("Runs", "the trace of the run shows two deliveries of one call, and one effect"),
        ),
        "deliveries made twice",
        ({"operation": "queues.get_messages", "kind": "duplicate", "on": INPUTS},),
    ),
    Scenario(
        "slow network",
        "Slow network",
        "Every reply of the agent service, the storage account and Azure Monitor comes late.",
        (
            Watch("Ask", "the answer takes longer, and every step shows its own share"),
            Watch("Overview", "cards keep what they had, and say how old it is"),
        ),
        "slowed requests",
        tuple(
            {"operation": f"{service}.*", "kind": "slow", "when": "after"}
            for service in ("foundry", "queues", "monitor")
        ),
        Dial("delay_s", "Each reply later by", "s", (0.2, 0.5, 1, 3), 0.5),
    ),
    Scenario(
        "ingestion down",
        "Ingestion down",
        "Application Insights takes no telemetry.",
        (
            Watch("Overview", "new answers are missing until it ends; then they appear, none is lost"),
            Watch("Ask", "answers go on as always: telemetry holds up nobody"),
        ),
        "refused batches",
        ({"operation": "monitor.track", "status": 503, "headers": {"Retry-After": "5"}},),
    ),
    Scenario(
        "lists lag",
        "Lists lag",
        "What was just created is missing from lists for a while, as in any service that is consistent only in the end.",
        (
            Watch("Threads", "a new conversation appears late"),
            Watch("Ask", "the answer is there at once: it is found by its id"),
        ),
        "incomplete lists",
        tuple({"operation": f"foundry.{name}", "kind": "lag"} for name in ("list_agents", "list_threads")),
        Dial("delay_s", "Behind by", "s", (5, 20, 60), 20),
    ),
)


def find(name: str) -> Scenario | None:
    """Return the scenario of that name; None when there is none."""
    return next((one for one in SCENARIOS if one.name == name), None)
