"""What Doctor shows: the findings group by group, the probe with its hop lights, the report to hand on."""

from itertools import groupby

import streamlit as st

from services.doctor import report as reports
from services.doctor.findings import Finding, FindingState
from services.doctor.probe import Probe
from services.version import version
from ui import context, doctor_dependencies, formats, rights, safe, startup, trace_parts
from ui.doctor_board import Known
from ui.patience import left_s

LOOKS: dict[FindingState, tuple[str, str, str]] = {
    "ok": ("green", ":material/check_circle:", "ok"),
    "warning": ("orange", ":material/warning:", "warning"),
    "failed": ("red", ":material/cancel:", "failed"),
    "unknown": ("gray", ":material/help:", "not known"),
}
BUSY_S = 0.4
AILING_S = 5.0  # the dependencies are drawn anew so often while one of them fails
PROBE_KEY = "doctor-probe"
SETTLES_S = 1.0
TITLE_PART, EVIDENCE_PART = 3, 9
PROBE_WORDS = (
    "A real question goes through the whole team, and a hidden message into a queue and out again. It counts as one "
    "answer in the charts; its conversations are deleted afterwards."
)


def draw() -> None:
    """Draw the examination. A timer runs only while something is on its way."""
    known = context.doctor_board().known(min(SETTLES_S, left_s()))
    every_s = BUSY_S if known.busy else AILING_S if doctor_dependencies.is_failing() else None
    st.fragment(draw_body, run_every=every_s, key="doctor")(every_s)


def draw_body(every_s: float | None) -> None:
    """Fragment: what is known now. Sends nothing."""
    known = context.doctor_board().known(0.0 if every_s else min(SETTLES_S, left_s()))
    draw_head(known)
    if known.probe is not None:
        draw_probe(known.probe)
    shown = known.found if known.examining or known.report is None else known.report.findings
    if startup.failure() is None:
        doctor_dependencies.draw()
    if known.examining:
        st.caption(f":shimmer[Looking: {len(shown)} of {known.checks or '…'} checks]")
    for group, findings in groupby(shown, key=lambda one: one.group):
        draw_group(group, list(findings))
    if (every_s == BUSY_S) != known.busy or (every_s is None and doctor_dependencies.is_failing()):
        st.rerun()  # timers begin and end with a run of the whole page


def draw_head(known: Known) -> None:
    report = known.report
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="doctor-head"
    ):
        if report is None:
            st.markdown("Looking for the first time.")
        else:
            colour, icon, _ = LOOKS[report.state]
            st.markdown(f":{colour}[{icon}] **{reports.summary(report)}**", width="content")
        with st.container(horizontal=True, width="content"):
            st.button(
                "Run again",
                key="doctor-again",
                icon=":material/refresh:",
                disabled=known.busy,
                on_click=context.doctor_board().examine_again,
            )
            if startup.failure() is None:
                draw_probe_button(known)
            draw_report(known)
    if report is not None:
        if failed := [safe.inline(one.title) for one in report.findings if one.state == "failed"]:
            st.markdown(
                f":red[{LOOKS['failed'][1]}] Begin with: **{failed[0]}**"
                + "".join(f" · {one}" for one in failed[1:])
            )
        took = formats.duration(report.took_s)
        st.caption(
            f"{safe.inline(report.place)} · looked at {formats.clock(report.examined_at)} · took {took}"
        )


def draw_probe_button(known: Known) -> None:
    with st.popover(
        "Probe end to end",
        icon=":material/network_ping:",
        key=PROBE_KEY,
        disabled=known.busy,
        on_change="rerun",
    ):
        st.markdown(f"**{safe.inline(context.services().prober.question)}**")
        st.markdown(PROBE_WORDS)
        st.button(
            "Send it",
            key="doctor-probe-send",
            type="primary",
            icon=":material/send:",
            on_click=send_probe,
            **rights.button("send probe"),
        )


def send_probe() -> None:
    """Callback: begin the probe; its lights follow."""
    st.session_state[PROBE_KEY] = False  # closed: the lights are behind it
    context.doctor_board().send_probe(context.services().prober)


def draw_report(known: Known) -> None:
    popover = st.popover(
        "Report",
        icon=":material/description:",
        key="doctor-report",
        disabled=known.report is None,
        on_change="rerun",
    )
    if known.report is None or not popover.open:
        return
    text = reports.markdown(known.report, version(), known.probe)
    with popover:
        st.caption(
            "Holds no key, no token and no connection string; it does name hosts, queues and the identity."
        )
        name = f"relaydeck-doctor-{known.report.examined_at:%Y%m%d-%H%M%S}.md"
        st.download_button(
            "Download",
            text,
            file_name=name,
            mime="text/markdown",
            key="doctor-download",
            icon=":material/download:",
            on_click="ignore",
        )
        st.code(text, language="markdown", height=320)


def draw_group(group: str, findings: list[Finding]) -> None:
    key = group.lower().replace(" ", "-")
    with st.container(border=True, gap="small", key=f"doctor-group-{key}"):
        st.markdown(f"**{group}**")
        for finding in findings:
            draw_finding(finding)


def draw_finding(finding: Finding) -> None:
    """Draw one line: state by icon and word, what was seen, what to do. Never by colour alone."""
    colour, icon, word = LOOKS[finding.state]
    title, told = st.columns([TITLE_PART, EVIDENCE_PART], gap="small")
    with title, st.container(gap="xxsmall"):
        st.markdown(f":{colour}[{icon}] {safe.inline(finding.title)}")
        took = "no answer" if finding.took_s is None else formats.duration(finding.took_s)
        st.caption(f"{word} · {took}")
    with told, st.container(gap="xsmall"):
        st.markdown(safe.inline(finding.evidence, 1_500))
        if finding.next_step:
            st.markdown(f":material/arrow_forward: {safe.inline(finding.next_step, 1_500)}")
        if finding.command:
            st.code(safe.clean(finding.command), language=None, wrap_lines=True)


def draw_probe(probe: Probe) -> None:
    state: FindingState = {"running": "unknown", "ok": "ok", "failed": "failed"}[probe.state]  # type: ignore[assignment]  # three of four
    colour, icon, _ = LOOKS[state]
    if probe.state == "running":
        colour, icon = "orange", ":material/hourglass_top:"
    with st.container(border=True, gap="small", key="doctor-probe-result"):
        st.markdown(f"**Probe** · {safe.inline(probe.question)}")
        if probe.hops:
            trace_parts.draw_hops(probe.hops)
        st.markdown(f":{colour}[{icon}] {safe.inline(probe.words, 1_500)}")
        if probe.next_step:
            st.markdown(f":material/arrow_forward: {safe.inline(probe.next_step, 1_500)}")
        if probe.writing is not None:
            draw_finding(probe.writing)
        took = "" if probe.took_s is None else f"Took {formats.duration(probe.took_s)}. "
        if took or probe.cleaned:
            st.caption(f"{took}{safe.inline(probe.cleaned, 400)}")
