"""docs/emulator.md tells what is implemented: generated, and never behind the code."""

from emulator.coverage import PAGE, page_with, table
from emulator.server import Emulator


def test_the_table_of_operations_is_what_runs(emulator: Emulator) -> None:
    """When this fails, type: python -m emulator.coverage"""
    page = PAGE.read_text()

    assert page == page_with(page, table(emulator.routes()))


def test_every_service_is_listed(emulator: Emulator) -> None:
    services = {service for service, *_ in emulator.routes()}

    assert {"foundry", "queues", "identity", "control"} <= services
