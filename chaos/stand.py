"""A whole Relaydeck to be hard on: Local Azure and a Functions host as processes of their own, whose effects are counted."""

import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import runtime
from chaos.effects import EFFECTS_FILE
from commands.stack import Control
from emulator.supervisor import ROOT, LocalAzure, LocalOptions, attach_or_start
from services.agents.backend import Agent, Thread
from services.settings_source import load_settings

ALL = 200_000
LEASE = "00:00:03"  # what waits for it to end waits often here
NO_SETTINGS: Mapping[str, str] = {}
_NUMBER = re.compile(r"\d{5,}")  # the mark of a question: no other number in it has five digits
HOOK = "\nimport effects  # noqa: E402\n\neffects.count(foo_bot, calculator, orders)\n"


@dataclass(frozen=True, slots=True)
class Stand:
    """*state*: its folder. *effects_file*: see chaos/effects.py."""

    azure: LocalAzure
    control: Control
    state: Path
    effects_file: Path

    @contextmanager
    def services(
        self, settings: Mapping[str, str] = NO_SETTINGS, *, ahead: timedelta = timedelta(), tell: bool = False
    ) -> Iterator[runtime.Runtime]:
        """Yield a Relaydeck on this Local Azure. *ahead*: how much later it is for it. *settings*: as their variables
        are called, without the prefix."""
        connection = self.azure.connection
        environ = {f"RELAYDECK_{name.upper()}": value for name, value in settings.items()}
        chosen = load_settings(environ).at(
            project_endpoint=connection.project_endpoint,
            storage_endpoint=connection.storage_endpoint,
            model=connection.model_deployment,
        )
        endpoints = runtime.local_endpoints(connection)
        running = runtime.build(chosen, endpoints, now=lambda: runtime.now() + ahead, tell=tell)
        try:
            if tell:
                running.services.telemetry.start()
            yield running
        finally:
            running.close()

    def effects(self) -> Counter[str]:
        """Return how often a function did its work, by the mark of the question it did it for."""
        if not self.effects_file.exists():
            return Counter()
        found: Counter[str] = Counter()
        for line in self.effects_file.read_text().splitlines():
            tool, asked = json.loads(line)
            mark = _NUMBER.search(asked)
            found[mark[0] if mark else f"{tool} {asked}"] += 1
        return found


@contextmanager
def stand(folder: Path, *, think_s: float = 0.0, token_s: float = 0.0) -> Iterator[Stand]:
    """Yield a Local Azure with nothing in it, in *folder*; stop it after."""
    app, effects_file = folder / "app", folder / "effects.jsonl"
    shutil.copytree(ROOT / "functions", app, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "chaos" / "effects.py", app / "effects.py")
    with (app / "function_app.py").open("a") as main:
        main.write(HOOK)
    state = folder / "state"
    options = LocalOptions(
        state,
        think_s=think_s,
        token_s=token_s,
        functions_app=app,
        lease=LEASE,
        functions_environment={
            EFFECTS_FILE: str(effects_file),
            "TOOL_RESULTS_FOLDER": str(folder / "results"),
        },
    )
    azure = attach_or_start(options)
    try:
        yield Stand(azure, Control(azure), state, effects_file)
    finally:
        azure.stop()


def everything(running: runtime.Runtime) -> tuple[list[Agent], list[Thread]]:
    """Return all agents and all threads of the project, those of connected agents' runs too."""
    backend = running.services.backend
    return backend.list_agents(ALL), backend.list_threads(ALL)


def made_twice(state: Path) -> int:
    """Return how many user messages and runs there are beyond the one that each question has, from the store itself."""
    file = state / "foundry.sqlite"
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
        rows = store.execute(
            "SELECT COUNT(*) - 1 FROM objects WHERE kind IN ('run', 'message')"
            " AND json_extract(document, '$.metadata.opid') IS NOT NULL"
            " GROUP BY kind, json_extract(document, '$.metadata.opid') HAVING COUNT(*) > 1"
        ).fetchall()
    return sum(int(more) for (more,) in rows)
