"""Keeps the exporter to the one address it was given. To be called before the exporter is imported."""

import logging
import os

# The exporter reads these from the environment only. learn.microsoft.com/azure/azure-monitor/app/statsbeat
SWITCHES = {
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",  # usage figures to Microsoft's own resource
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",  # remote configuration
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",  # figures about the exporter in our own resource
    "APPLICATIONINSIGHTS_OPENTELEMETRY_RESOURCE_METRIC_DISABLED": "true",  # one more row with every batch
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "otel",  # the others ask the virtual machine's metadata service
}
EXPORTER_LOGGER = "azure.monitor.opentelemetry.exporter"


def be_quiet() -> None:
    """Switch off every call that is not an export, and log lines that hold whole records."""
    os.environ.update(SWITCHES)
    # At ERROR it writes the refused record itself: questions, ids and all. The outbox says in words what failed.
    logging.getLogger(EXPORTER_LOGGER).setLevel(logging.CRITICAL)
