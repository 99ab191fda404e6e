"""A report as text to hand on: Markdown and JSON. Findings come without secrets, and so does what is made of them."""

from collections.abc import Mapping

from services.doctor.findings import WORST_FIRST, Finding, FindingState, Report
from services.doctor.probe import Probe

WORDS: Mapping[FindingState, str] = {
    "ok": "ok",
    "warning": "warning",
    "failed": "failed",
    "unknown": "not known",
}


def summary(report: Report) -> str:
    """Return `1 failed, 2 warnings, 20 ok`."""
    counts = {state: report.count(state) for state in WORST_FIRST}
    told = {
        "failed": f"{counts['failed']} failed",
        "warning": f"{counts['warning']} warning{'s' if counts['warning'] > 1 else ''}",
        "unknown": f"{counts['unknown']} not known",
        "ok": f"{counts['ok']} ok",
    }
    return ", ".join(words for state, words in told.items() if counts[state] or state == "ok")  # type: ignore[index]  # the same names


def markdown(report: Report, version: str, probe: Probe | None = None) -> str:
    """Return the report, and *probe* when there was one, as Markdown to hand on. *version*: Relaydeck's."""
    lines = [
        "# Relaydeck Doctor",
        "",
        f"{report.examined_at:%Y-%m-%d %H:%M:%S} UTC · Relaydeck {version} · {report.place} · {summary(report)}",
    ]
    group = ""
    for one in report.findings:
        if one.group != group:
            group = one.group
            lines += [
                "",
                f"## {group}",
                "",
                "| Check | State | Evidence | Next step | Took |",
                "|---|---|---|---|---|",
            ]
        cells = (one.title, WORDS[one.state], one.evidence, step(one), took(one.took_s))
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    if probe is not None:
        lines += [
            "",
            "## Probe",
            "",
            f"{probe.state}: {_cell(probe.words)} {_cell(probe.next_step)}".rstrip(),
        ]
        lines += [f"Question: {_cell(probe.question)}", ""]
        lines += [f"- {hop.name}: {hop.state}. {_cell(hop.evidence)}" for hop in probe.hops]
    return "\n".join(lines) + "\n"


def document(report: Report, version: str, probe: Probe | None = None) -> dict[str, object]:
    """Return the report for programs. `took_s`: seconds; None when a look did not end in time."""
    return {
        "relaydeck": version,
        "examined_at": report.examined_at.isoformat(),
        "place": report.place,
        "state": report.state,
        "took_s": round(report.took_s, 3),
        "findings": [
            {
                "id": one.id,
                "group": one.group,
                "title": one.title,
                "state": one.state,
                "evidence": one.evidence,
                "next_step": one.next_step,
                "command": one.command,
                "took_s": None if one.took_s is None else round(one.took_s, 3),
            }
            for one in report.findings
        ],
        "probe": None if probe is None else _probe_document(probe),
    }


def step(finding: Finding) -> str:
    """Return the next step with its command, in one line."""
    return f"{finding.next_step} {finding.command}".strip()


def took(value_s: float | None) -> str:
    return "no answer" if value_s is None else f"{value_s:.2f} s"


def _probe_document(probe: Probe) -> dict[str, object]:
    return {
        "state": probe.state,
        "question": probe.question,
        "tool": probe.tool,
        "words": probe.words,
        "next_step": probe.next_step,
        "cleaned": probe.cleaned,
        "took_s": None if probe.took_s is None else round(probe.took_s, 3),
        "hops": [{"name": hop.name, "state": hop.state, "evidence": hop.evidence} for hop in probe.hops],
        "may_write_queues": None if probe.writing is None else probe.writing.state,
    }


def _cell(text: str) -> str:
    """Return *text* as a cell of a Markdown table: whatever it quotes cannot end the cell or begin markup."""
    flat = " ".join(text.split())
    return "".join(f"\\{letter}" if letter in "|<>`[]*\\" else letter for letter in flat)
