"""What a back-up or a restore came to, in words and as a document. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from services.backup.manifest import document_of
from services.backup.models import BackUpResult, CannotMove, Kind, Outcome, RestoreReport

TOLD_MOST = 20
KINDS: tuple[Kind, ...] = ("queue", "agent", "thread")


def back_up_lines(result: BackUpResult, path: str) -> Iterator[str]:
    """Yield what a person is told of a back-up written to *path*, a line each."""
    manifest, counts = result.manifest, result.manifest.counts
    yield (
        f"{path}: {_number(counts.agents, 'agent')}, {_number(counts.threads, 'thread')} with "
        f"{_number(counts.messages, 'message')}, {_number(counts.queues, 'queue')}; {_size(result.size_bytes)}, "
        "read back and found whole."
    )
    yield f"Back-up {manifest.id}; sha256 {result.sha256}"
    yield from left_out_lines(result)
    yield from _behind_lines(manifest.cannot_move)


def left_out_lines(result: BackUpResult) -> Iterator[str]:
    manifest = result.manifest
    if manifest.left_out_count:
        yield f"Left out: {manifest.left_out_count:,}, of which {manifest.lost_count:,} should be in it."
        yield from (f"  {one.kind} {one.id}: {one.reason}" for one in manifest.left_out[:TOLD_MOST])
        if manifest.left_out_count > TOLD_MOST:
            yield "  …"


def restore_lines(report: RestoreReport) -> Iterator[str]:
    """Yield what a person is told of a restore, or of what one would do, a line each."""
    manifest = report.manifest
    yield (
        f"Back-up {manifest.id} of {manifest.created_at:%Y-%m-%d %H:%M:%S} UTC, made of "
        f"{manifest.source.project_endpoint}"
    )
    for kind in KINDS:
        yield f"{kind.capitalize()}s: {_kind_words(report, kind)}"
    if report.dry_run and report.same_names:
        yield f"The project holds agents of the same names: {', '.join(report.same_names[:TOLD_MOST])}. It takes --yes."
    yield from (f"  {_told(one)}" for one in report.outcomes if one.kind == "agent" and one.new_id)
    noted = [one for one in report.outcomes if one.notes]
    if noted:
        yield "Not as it was:"
        yield from (
            f"  {one.kind} {one.name or one.old_id}: {', '.join(one.notes)}" for one in noted[:TOLD_MOST]
        )
        if len(noted) > TOLD_MOST:
            yield f"  and {len(noted) - TOLD_MOST:,} more"
    if report.failed:
        yield "Not restored:"
        yield from (
            f"  {one.kind} {one.name or one.old_id}: {one.reason}" for one in report.failed[:TOLD_MOST]
        )
        if len(report.failed) > TOLD_MOST:
            yield f"  and {len(report.failed) - TOLD_MOST:,} more: --json lists them"
    yield from _behind_lines(report.cannot_move)
    yield from report.notes


def restore_document(report: RestoreReport) -> dict[str, object]:
    """Return the report for programs: every id, everything that was lost on the way."""
    manifest = document_of(report.manifest)
    return {
        "backup": {key: manifest[key] for key in ("id", "created_at", "source", "scope", "counts")},
        "target": asdict(report.target),
        "dry_run": report.dry_run,
        "restored": {
            f"{kind}s": {
                state: report.count(kind, state) for state in ("created", "present", "planned", "failed")
            }
            for kind in KINDS
        },
        "messages_added": _messages(report),
        "ids": {"agents": report.ids("agent"), "threads": report.ids("thread")},
        "not_as_it_was": [_entry(one, notes=list(one.notes)) for one in report.outcomes if one.notes],
        "not_restored": [_entry(one, reason=one.reason) for one in report.failed],
        "same_names": list(report.same_names),
        "cannot_move": [asdict(one) for one in report.cannot_move],
        "notes": list(report.notes),
    }


def _entry(one: Outcome, **more: object) -> dict[str, object]:
    return {"kind": one.kind, "old_id": one.old_id, "new_id": one.new_id, "name": one.name, **more}


def _kind_words(report: RestoreReport, kind: Kind) -> str:
    words = {
        "created": report.count(kind, "created"),
        "there already": report.count(kind, "present"),
        "would be created": report.count(kind, "planned"),
        "not restored": report.count(kind, "failed"),
    }
    told = ", ".join(f"{count:,} {word}" for word, count in words.items() if count) or "none"
    added = _messages(report) if kind == "thread" else 0
    return f"{told}; {_number(added, 'message')}" if added else told


def _messages(report: RestoreReport) -> int:
    return sum(one.messages for one in report.outcomes)


def _told(one: Outcome) -> str:
    return f"{one.old_id} → {one.new_id}  {one.name}".rstrip()


def _behind_lines(found: Sequence[CannotMove]) -> Iterator[str]:
    yield "No back-up can move:"
    for one in found:
        if one.count != 0:
            least = "at least " if one.least else ""
            count = "not counted" if one.count is None else f"{least}{one.count:,}"
            yield f"  {one.what}: {count}. {one.why}"
    if none := [one.what for one in found if one.count == 0]:
        yield f"  There were none of these: {', '.join(none)}."


def _number(count: int, word: str) -> str:
    return f"{count:,} {word}" + ("" if count == 1 else "s")


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB" if size_bytes >= 100_000 else f"{size_bytes / 1e3:,.1f} kB"
