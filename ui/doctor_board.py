"""The latest examination and the latest probe, made in the background and shared by all viewers."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from services.doctor.findings import Finding, Report
from services.doctor.probe import Probe, Prober
from services.doctor.service import Doctor


@dataclass(frozen=True, slots=True)
class Known:
    """*report*: the last whole one, None before the first ends. *found*: what an examination under way has found so far."""

    report: Report | None
    found: tuple[Finding, ...]
    examining: bool
    checks: int
    probe: Probe | None

    @property
    def busy(self) -> bool:
        return self.examining or (self.probe is not None and self.probe.state == "running")


class DoctorBoard:
    """Keeps the last report and examines again when told to, one examination and one probe at a time. No request by
    itself but for the first examination."""

    def __init__(self, doctor: Callable[[], Doctor]) -> None:
        self._doctor = doctor
        self._lock = threading.Lock()
        self._report: Report | None = None
        self._found: tuple[Finding, ...] = ()
        self._examining, self._checks = False, 0
        self._probe: Probe | None = None
        self._ended = threading.Event()

    def known(self, wait_s: float = 0.0) -> Known:
        """Return what is known, once the examination under way has ended or *wait_s* are over."""
        with self._lock:
            if self._report is None and not self._examining:
                self._start()
        self._ended.wait(wait_s)
        with self._lock:
            return Known(self._report, self._found, self._examining, self._checks, self._probe)

    def examine_again(self) -> None:
        with self._lock:
            if not self._examining:
                self._start()

    def send_probe(self, prober: Prober) -> None:
        """Send a probe, and examine anew once it has ended. Does nothing while one is on its way."""
        with self._lock:
            if self._probe is not None and self._probe.state == "running":
                return
            self._probe = Probe("running", prober.question, "", "The question is on its way.")
        threading.Thread(
            target=self._run_probe, args=[prober.carried()], name="doctor-probe", daemon=True
        ).start()

    def _start(self) -> None:
        self._examining, self._found = True, ()
        self._ended.clear()
        threading.Thread(target=self._examine, name="doctor", daemon=True).start()

    def _examine(self) -> None:
        report: Report | None = None
        try:
            doctor = self._doctor()
            self._checks = len(doctor.checks)
            report = doctor.examine(self._hear)
            doctor.close()
        finally:
            with self._lock:
                self._report = report or self._report
                self._examining = False
                self._ended.set()

    def _hear(self, finding: Finding) -> None:
        with self._lock:
            self._found = (*self._found, finding)

    def _run_probe(self, run: Callable[[Callable[[Probe], None]], Probe]) -> None:
        ended: Probe | None = None
        try:
            ended = run(self._see)
        finally:
            with self._lock:
                self._probe = ended
        self.examine_again()

    def _see(self, probe: Probe) -> None:
        with self._lock:
            self._probe = probe
