"""The parts of the Audit page above its list: whether actions are recorded, whether the trail is whole, the figures."""

import streamlit as st

from services.audit.reading import Checked
from services.audit.trail import TrailState
from services.audit.verify import ChainVerdict
from ui import cards, context, feedback, formats, safe
from ui.audit_data import Reading
from ui.view import View

CHECK_WAIT_S = 8.0
CHAINS_SHOWN = 5
ABOUT_CHAIN = (
    "Each record holds the hash of the one before it, signed with a key that the workspace does not have. Verifying reads "
    "every record and names the first that was changed, removed, moved or inserted. Once a minute the end of the chain "
    "is told to Application Insights as well, which shows when the newest records were cut off."
)


def draw_trail(state: TrailState) -> None:
    """Draw whether what happens is put on record now. Sends nothing."""
    writer = state.writer
    if writer is None:
        st.warning(f"**Nothing is recorded.** {safe.inline(state.off, 300)}", icon=":material/gpp_maybe:")
        return
    waiting = formats.count(writer.waiting, "record")
    if writer.problem:
        where = "kept on disk" if writer.kept else "held in memory alone, until this process ends"
        st.error(
            f"**Actions are refused: they cannot be put on record.** {safe.inline(writer.problem, 400)} "
            f"{waiting} not in the table yet, {where}; results among them are not recorded until it answers.",
            icon=":material/gpp_bad:",
        )
        return
    head = writer.head
    words = "This process has recorded nothing yet."
    if head is not None:
        words = f"This process's chain `{head.chain}` has {head.seq + 1:,} records, head `{head.hash[:12]}`."
    late = f" {waiting} on the way." if writer.waiting else ""
    kept = "" if writer.kept else f" It ends with the process: {safe.inline(writer.note, 200)}."
    st.markdown(
        f":green[:material/verified_user:] Every action is put on record before it happens. {words}{late}{kept}"
    )


def draw_chain(view: View) -> None:
    """Draw the latest verification and the way to a new one. Sends nothing."""
    auditor = context.services().auditor
    with st.container(border=True, gap="small", key="audit-chain"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(_chain_words(auditor.latest, auditor.is_checking, view), width="stretch")
            st.button(
                "Verify",
                key="audit-verify",
                icon=":material/fact_check:",
                help="Read every record and check the chain",
                disabled=auditor.is_checking,
                on_click=verify,
            )
        if auditor.problem is not None and not auditor.is_checking:
            feedback.draw_error(auditor.problem)
        elif auditor.latest is not None:
            _draw_chains(auditor.latest)
        st.caption(ABOUT_CHAIN)


def verify() -> None:
    """Callback: read and check all records; a long trail goes on in the background."""
    with feedback.saying_errors():
        context.services().auditor.begin_check(CHECK_WAIT_S)


def draw_figures(reading: Reading | None) -> None:
    """Draw the tiles. What could not be read is not known."""
    is_known = reading is not None and reading.figures.is_known
    with st.grid(6 if is_known else 3, min_column_width=130, gap="small", key="audit-figures"):
        _tile(reading, "actions", "Actions", "Asked for in this range, refused ones included")
        _tile(reading, "done", "Done", "Put on record, done, and their end on record")
        _tile(reading, "failed", "Failed", "Begun, and not done, or not all of it", "red")
        _tile(reading, "refused", "Refused", "Asked for by somebody whose role does not allow it", "orange")
        if reading is not None and reading.count("not_started"):
            _tile(reading, "not_started", "Not started", "Not put on record in time, so not done", "orange")
        _tile(reading, "no_result", "No result", "Begun; how they ended is not on record (yet)", "orange")
        _tile(reading, "people", "People", "Who asked for something, Relaydeck itself counted as one")


def _tile(reading: Reading | None, name: str, label: str, about: str, alarm: str = "") -> None:
    value = reading.count(name) if reading is not None and reading.figures.is_known else None
    cards.metric(
        label,
        None if value is None else formats.count(value),
        help=about,
        alarm=alarm if value else "",  # type: ignore[arg-type]  # one of three literals
    )


def _chain_words(checked: Checked | None, checking: bool, view: View) -> str:
    if checking:
        return ":blue[:material/progress_activity:] **The trail is being verified.** Every record is read."
    if checked is None:
        return ":gray[:material/help:] **Not verified yet** since this process began."
    verdict = checked.verdict
    at = formats.told(view.clock(checked.at))
    if verdict.fault is not None:
        return f":red[:material/gpp_bad:] **The trail is broken.** Verified at {at}. {safe.inline(str(verdict.fault), 400)}"
    if verdict.unknown:
        return f":orange[:material/gpp_maybe:] **Not all could be verified** at {at}. {safe.inline(verdict.unknown, 300)}"
    records, chains = formats.count(verdict.records, "record"), formats.count(len(verdict.chains), "chain")
    return f":green[:material/verified:] **The trail is whole.** Verified at {at}: {records} in {chains}."


def _draw_chains(checked: Checked) -> None:
    verdict = checked.verdict
    bad_first = sorted(verdict.chains, key=lambda one: one.fault is None)
    for chain in bad_first[:CHAINS_SHOWN]:
        st.caption(_verdict_words(chain))
    if len(bad_first) > CHAINS_SHOWN:
        st.caption(f"And {len(bad_first) - CHAINS_SHOWN:,} more chains.")


def _verdict_words(chain: ChainVerdict) -> str:
    good = f"records {chain.first:,} to {chain.last:,}" if chain.last >= 0 else "no good record"
    parts = [
        f":material/link: {safe.code(chain.chain, 80)}",
        f"verified: {good}",
        f"head {safe.code(chain.head[:16])}" if chain.head else "",
        f"{chain.open:,} without a result" if chain.open else "",
        *(safe.inline(note, 300) for note in chain.notes),
    ]
    return " · ".join(filter(None, parts))
