"""The head of the chain, told where the records are not: so that a cut end shows."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from emulator.monitor.schemas import AUDIT
from emulator.server import Emulator
from services.access import PROCESS
from services.audit.reading import Auditor
from services.audit.writer import HEAD_EVERY
from services.telemetry.records import EventRecord
from tests.contract.audit_support import Trailed, trailed

SENT_WITHIN_S = 30.0


def heads(trail: Trailed) -> list[EventRecord]:
    """Return what telemetry holds of heads: it waits there until telemetry is started."""
    outbox = trail.services.telemetry._outbox
    return [one for one in list(outbox._waiting) if isinstance(one, EventRecord) and one.name == "audit.head"]


def cut(trail: Trailed, from_seq: int) -> None:
    """Delete the newest records from the table, as somebody who owns the workspace can."""
    statement = f'DELETE FROM store."{AUDIT.name}" WHERE "Seq" >= ?'

    def delete(connection: object) -> object:
        run: Callable[..., object] = connection.execute  # type: ignore[attr-defined]  # DuckDB's
        return run(statement, [from_seq])

    trail.emulator.monitor._store.run(delete).result()


def check(auditor: Auditor) -> str:
    fault = auditor.check(settles=timedelta(0)).verdict.fault
    return "" if fault is None else f"{fault.why} {fault.seq}"


def test_an_end_that_was_cut_off_shows_by_the_head_that_was_told(emulator: Emulator, tmp_path: Path) -> None:
    with trailed(emulator, tmp_path, tell=True) as trail:
        for number in range(3):
            trail.services.trail.end(
                trail.services.trail.begin(PROCESS, "delete agent", f"asst_{number}"), "done"
            )
        trail.services.trail.close()
        trail.services.telemetry.start()
        trail.services.telemetry.close(SENT_WITHIN_S)
        assert check(trail.services.auditor) == ""

        cut(trail, 5)

        assert check(trail.services.auditor) == "truncated 5"


def test_the_head_is_told_at_the_first_record_every_hundred_and_at_the_end(
    emulator: Emulator, tmp_path: Path
) -> None:
    with trailed(emulator, tmp_path, tell=True) as trail:
        for number in range(HEAD_EVERY):
            trail.services.trail.end(
                trail.services.trail.begin(PROCESS, "delete agent", f"asst_{number}"), "done"
            )
        trail.services.trail.close()
        seqs = [int(one.attributes["seq"]) for one in heads(trail)]

    assert 3 <= len(seqs) <= 5
    assert seqs[-1] == 2 * HEAD_EVERY
    assert all(later - earlier <= HEAD_EVERY + 2 for earlier, later in itertools.pairwise(seqs))
