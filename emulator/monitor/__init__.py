"""Azure Monitor on one machine: telemetry in, KQL over it, platform metrics of queues and agents."""
