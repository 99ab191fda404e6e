"""Doctor itself: all checks at once, each with its own deadline, none able to stop another."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from services.doctor.catalogue import CHECKS
from services.doctor.findings import Check, Finding, Report, Said
from services.doctor.subject import Subject
from services.doctor.words import NOBODY, scrub
from services.errors import AccessDenied, ServiceError

log = logging.getLogger(__name__)
CHECK_TIMEOUT_S = 15.0
Told = Callable[[Finding], None]


class Doctor:
    """Threads share it. *close*: ends what was opened for Doctor alone."""

    def __init__(
        self,
        subject: Subject,
        checks: Sequence[Check] = CHECKS,
        *,
        timeout_s: float = CHECK_TIMEOUT_S,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        self.subject, self.checks, self.close = subject, tuple(checks), close
        self._timeout_s = timeout_s
        self._under_way: dict[str, _Look] = {}
        self._lock = threading.Lock()

    def examine(self, told: Told = lambda _: None) -> Report:
        """Return what all checks found; *told* hears of each finding in the order of the checks, as soon as it is known.

        Never raises and takes at most the timeout of one check. Reads only: about 50 requests with three tools.
        """
        began_s, looks = time.monotonic(), [self._begin(check) for check in self.checks]
        findings = []
        for look in looks:
            finding = look.finding(self._timeout_s - (time.monotonic() - began_s), self._timeout_s)
            findings.append(finding)
            told(finding)
        took_s = time.monotonic() - began_s
        return Report(tuple(findings), self.subject.now(), took_s, self._place())

    def look(self, check: Check) -> Finding:
        """Return what *check* finds, within the timeout of one check."""
        return self._begin(check).finding(self._timeout_s, self._timeout_s)

    def _begin(self, check: Check) -> "_Look":
        """Start *check*, or join the one that still hangs: hanging looks must not pile up."""
        with self._lock:
            look = self._under_way.get(check.id)
            if look is None or look.done.is_set():
                look = self._under_way[check.id] = _Look(check, self.subject)
                look.start()
            return look

    def _place(self) -> str:
        settings = self.subject.settings
        return f"{settings.mode} mode, environment {settings.environment or 'not set'}"


class _Look(threading.Thread):
    """A daemon: a look that hangs must not keep the process from ending."""

    def __init__(self, check: Check, subject: Subject) -> None:
        super().__init__(name=f"doctor-{check.id}", daemon=True)
        self.done = threading.Event()
        self._check, self._subject = check, subject
        self._said = Said("unknown", "")
        self._took_s = 0.0

    def run(self) -> None:
        began_s = time.monotonic()
        self._said = look_at(self._check, self._subject)
        self._took_s = time.monotonic() - began_s
        self.done.set()

    def finding(self, wait_s: float, timeout_s: float) -> Finding:
        took_s: float | None = None
        if self.done.wait(max(0.0, wait_s)):
            said, took_s = self._said, self._took_s
        else:
            said = Said(
                "unknown", f"No answer within {timeout_s:g} s.", "Run Doctor again; then see Addresses."
            )
        secrets = self._subject.secrets()
        return Finding(
            self._check.id,
            self._check.group,
            self._check.title,
            said.state,
            scrub(said.evidence, secrets),
            scrub(said.next_step, secrets),
            scrub(said.command, secrets),
            took_s,
        )


def look_at(check: Check, subject: Subject) -> Said:
    """Return what *check* says, also where it could not look at all. Never raises."""
    try:
        return check.look(subject)
    except AccessDenied as error:
        if error.status is None:
            return NOBODY
        return Said("unknown", f"Could not be looked at. {error.message}", "Put the roles right first.")
    except ServiceError as error:
        return Said("unknown", f"Could not be looked at. {error.message}", error.hint)
    except Exception:
        log.exception("doctor.check_failed", extra={"check": check.id})
        return Said("unknown", "The check itself failed.", "The dashboard's log holds the details.")
