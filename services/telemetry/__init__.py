"""Telemetry out: what happened, told to Application Insights in OpenTelemetry's words. Nothing here is on an answer's way."""
