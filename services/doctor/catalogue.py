"""Every check there is, in the order in which one would put things right. To add one: a function, and a line here."""

from services.doctor import agents, identity, machine, messages, network, roles, telemetry
from services.doctor.findings import Check
from services.doctor.subject import LOGS, METRICS, PROJECT, STORAGE

CHECKS: tuple[Check, ...] = (
    Check("settings", "Settings and identity", "Settings", identity.settings),
    Check("start", "Settings and identity", "Start", identity.start),
    Check("identity", "Settings and identity", "Sign-in", identity.signed_in),
    *(network.address_check(name) for name in (PROJECT, STORAGE, LOGS, METRICS)),
    Check("clock", "Addresses", "Clock", network.clock),
    Check("role-agents", "Roles", "Agents may be listed", roles.list_agents),
    Check("role-threads", "Roles", "Threads may be listed", roles.list_threads),
    Check("role-queues", "Roles", "Queues may be listed", roles.list_queues),
    Check("role-peek", "Roles", "Messages may be peeked at", roles.peek),
    Check("role-logs", "Roles", "Logs may be queried", roles.query_logs),
    Check("role-metrics", "Roles", "Metrics may be read", roles.read_metrics),
    Check("model", "Agents", "Model deployment", agents.model),
    Check("team", "Agents", "Team", agents.team),
    Check("setup", "Agents", "Agent setup", agents.setup),
    Check("retirement", "Agents", "Classic agents", machine.retirement),
    Check("queues", "Queues and function", "Queues", messages.exist),
    Check("account", "Queues and function", "One account", messages.same_account),
    Check("encoding", "Queues and function", "Encoding", messages.encoding),
    Check("correlation", "Queues and function", "Answers come back", messages.round_trip),
    Check("function", "Queues and function", "Function app", messages.function_alive),
    Check("insights", "Telemetry", "Application Insights", telemetry.linked),
    Check("records", "Telemetry", "Records arrive", telemetry.received),
    Check("packages", "This machine", "Packages", machine.packages),
)
WRITE_CHECK = Check("role-write", "Roles", "Queues may be written to", roles.write_queue)
