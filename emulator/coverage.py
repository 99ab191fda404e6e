"""Writes the table of implemented operations into docs/emulator.md: `python -m emulator.coverage`."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from emulator.foundry.routes import UNSUPPORTED
from emulator.server import Emulator, EmulatorSettings

PAGE = Path(__file__).resolve().parent.parent / "docs" / "emulator.md"
BEGIN, END = "<!-- operations: begin -->", "<!-- operations: end -->"
TITLES = {
    "foundry": "Azure AI Foundry Agent Service and project",
    "queues": "Storage Queues",
    "monitor": "Azure Monitor: ingestion, Log Analytics, metrics",
    "identity": "Managed identity",
    "control": "Control plane",
}


def table(routes: Iterable[tuple[str, str, str, str]]) -> str:
    """Return the operations of each service as Markdown, and those that are known and refused."""
    by_service: dict[str, list[str]] = {}
    for service, operation, method, path in routes:
        by_service.setdefault(service, []).append(f"| `{operation}` | {method} | `{path}` |")
    sections = [
        f"### {TITLES.get(service, service)} ({len(rows)})\n\n| Operation | Method | Path |\n|---|---|---|\n"
        + "\n".join(rows)
        for service, rows in by_service.items()
    ]
    refused = ", ".join(f"`{operation}`" for operation, _, _ in UNSUPPORTED)
    sections.append(
        f"### Known, and answered with 501 ({len(UNSUPPORTED)})\n\nOf the agent service: {refused}."
    )
    return "\n\n".join(sections)


def page_with(text: str, generated: str) -> str:
    """Return *text* with everything between the two marks replaced by *generated*."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{generated}\n\n{END}{after}"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, Emulator(EmulatorSettings(state=Path(folder))) as emulator:
        PAGE.write_text(page_with(PAGE.read_text(), table(emulator.routes())))


if __name__ == "__main__":
    main()
