"""What the tests of diagnosis share: the services on a Local Azure with its workspace, a function app that runs in the
test, and a clock of the reader's own."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from azure.ai.agents.models import ThreadRun

import runtime
from emulator.functions_host.insights import InsightsHandler, attach
from services.clients import Endpoints, LocalCredential
from services.diagnosis.service import DiagnosisService
from services.diagnosis.verdicts import Diagnosis
from services.settings_source import load_settings
from tests.contract.agents_support import FOO_IN, Lab
from tests.functions.hosting import Hosted, settings_for, write_app
from tests.waiting import wait_for

FOO_APP = """
import json
import azure.functions as func

app = func.FunctionApp()

@app.function_name("foo")
@app.queue_trigger("msg", queue_name="azure-function-foo-input", connection="STORE")
@app.queue_output("out", queue_name="azure-function-foo-output", connection="STORE")
def foo(msg: func.QueueMessage, out: func.Out[str]) -> None:
{body}
"""


@dataclass
class Ward:
    """*later_s*: how far the reader's clock is ahead of Local Azure's: nothing there has moved meanwhile."""

    lab: Lab
    running: runtime.Runtime
    later_s: float = 0.0

    def begin_anew(self) -> None:
        self.lab.emulator.reset()
        self.lab.model.reset()
        self.later_s = 0.0

    @property
    def service(self) -> DiagnosisService:
        return self.running.services.diagnosis

    def diagnose(self, run: ThreadRun, later_s: float | None = None) -> Diagnosis:
        """Return the diagnosis of *run*, as it is *later_s* from now."""
        self.later_s = self.later_s if later_s is None else later_s
        return self.service.diagnose(run.id, run.thread_id)

    def code(self, run: ThreadRun, later_s: float | None = None) -> str:
        return self.diagnose(run, later_s).verdict.code


@contextmanager
def open_ward(lab: Lab, *, workspace: bool = True, **settings: str) -> Iterator[Ward]:
    """Yield the services as the runtime composes them. *settings*: environment variables without prefix."""
    emulator = lab.emulator
    environ = {f"RELAYDECK_{name.upper()}": value for name, value in settings.items()}
    chosen = load_settings(environ).at(
        project_endpoint=emulator.project_endpoint,
        storage_endpoint=emulator.storage_endpoint,
        model=emulator.settings.model_deployment,
    )
    endpoints = Endpoints(
        emulator.project_endpoint,
        emulator.storage_endpoint,
        LocalCredential(emulator.token),
        str(emulator.ca_file),
        logs_endpoint=emulator.url if workspace else "",
        logs_workspace=emulator.workspace_id if workspace else "",
    )

    def now() -> datetime:
        return emulator.clock.now() + timedelta(seconds=ward.later_s)

    ward = Ward(lab, runtime.build(chosen, endpoints, now=now))
    try:
        yield ward
    finally:
        ward.running.close()


@contextmanager
def foo_app(lab: Lab, folder: Path, body: str, **queues: Any) -> Iterator[InsightsHandler]:
    """Run a function app whose `foo` does *body*, and tell Local Azure's workspace what it writes. *queues*: of host.json."""
    source = FOO_APP.format(body="\n".join(f"    {line}" for line in body.splitlines()))
    app = write_app(folder / "app", source, **queues)
    before = list(sys.path)
    logger = logging.getLogger("emulator.functions_host")
    level = logger.level
    logger.setLevel(logging.INFO)
    handler = attach({"APPLICATIONINSIGHTS_CONNECTION_STRING": lab.emulator.insights_connection_string})
    assert handler is not None
    try:
        with Hosted(app, settings_for(lab.emulator), create_queues=False):
            yield handler
    finally:
        wait_for(handler.finish)  # what came late would be the next test's
        logging.getLogger().removeHandler(handler)
        logger.setLevel(level)
        sys.path[:] = before
        sys.modules.pop("function_app", None)


def lights_of(found: Diagnosis) -> dict[str, str]:
    return {light.name: light.state for light in found.lights}


def put_away(lab: Lab, queue: str = FOO_IN) -> dict[str, Any]:
    """Take the call out of its queue, as a function does that then says nothing; return the message."""
    return lab.sent(queue)
