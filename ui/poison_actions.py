"""What can be done with poison: each is confirmed beside its button, done in a callback, and said; what is left, too."""

from collections.abc import Callable, Sequence

import streamlit as st

from services.poison.shapes import Look, OutcomeState, PoisonMessage, Report
from services.queues import POISON_SUFFIX
from ui import context, feedback, formats, poison_export, poison_table, rights, safe

REPORT_KEY = "poison-report"
ROUND_KEY = "poison-round"  # another one after each action: what was open is closed then
DONE_ICON = ":material/check_circle:"
MOST_AT_ONCE = 500
WHOLE_MOST = 1_024
SHOWN_OUTCOMES = 20
LOOKS: dict[OutcomeState, str] = {
    "done": "done",
    "gone": "no longer there",
    "kept": "kept where it was",
    "unsure": "perhaps sent, and kept",
    "left": "sent, and still there too",
    "untried": "not tried",
}


def draw_bar(look: Look, chosen: Sequence[PoisonMessage]) -> None:
    """Draw what can be done with the selected messages; with none selected, with all."""
    with st.container(horizontal=True, gap="small", vertical_alignment="center", key="poison-bar"):
        if chosen:
            count = formats.count(len(chosen), "message")
            with _confirm(f"Replay {count}", ":material/replay:", "replay"):
                _draw_replay(look, chosen)
            with _confirm(f"Delete {count}", ":material/delete:", "delete"):
                _draw_delete(look, chosen)
        elif look.about:
            with _confirm(f"Replay all, about {look.about:,}", ":material/replay:", "replay-all"):
                _draw_replay(look, ())
        if look.messages:
            poison_export.draw(look, chosen)
        if look.about > len(look.messages) and not look.whole:
            with _confirm("Go through all", ":material/manage_search:", "through"):
                _draw_through(look)
        if look.about and not chosen:
            with _confirm("Purge", ":material/delete_forever:", "purge"):
                _draw_purge(look)
        st.button(
            "Look again",
            key="poison-again",
            icon=":material/refresh:",
            type="tertiary",
            on_click=look_again,
            args=[look.queue],
        )


def draw_report() -> None:
    """Draw what became of the last action, until it is closed: only where not all went well."""
    report: Report | None = st.session_state.get(REPORT_KEY)
    if report is None:
        return
    with st.container(border=True, gap="xsmall", key="poison-report-card"):
        st.markdown(f":orange[:material/warning:] **{safe.inline(report.words, 600)}**")
        if report.problem is not None:
            feedback.draw_error(report.problem)
        rest = [one for one in report.outcomes if one.state != "done"]
        for one in rest[:SHOWN_OUTCOMES]:
            st.caption(f"{safe.inline(one.id)}: {LOOKS[one.state]}. {safe.inline(one.words, 300)}")
        if len(rest) > SHOWN_OUTCOMES:
            st.caption(f"And {len(rest) - SHOWN_OUTCOMES:,} more.")
        st.button("Close", key="poison-report-close", icon=":material/close:", on_click=_close_report)


def draw_replay_edited(look: Look, message: PoisonMessage, text: str, *, insist: bool, blocked: bool) -> None:
    target = _draw_target(look, f"edit-{message.id}")
    st.caption(consequence((message,), edited=True))
    st.button(
        f"Replay changed to {target}" if target else "Replay changed",
        key="poison-do-edit",
        type="primary",
        icon=":material/replay:",
        **rights.button("replay message", disabled=blocked or not target),
        on_click=replay_edited,
        args=[look.queue, message.id, text, _stated(look, target)],
        kwargs={"insist": insist},
    )


# What is confirmed ------------------------------------------------------------------------------------


def _confirm(label: str, icon: str, name: str) -> st.delta_generator.DeltaGenerator:
    return st.popover(label, icon=icon, key=f"poison-ask-{name}-{st.session_state.get(ROUND_KEY, 0)}")


def _draw_replay(look: Look, chosen: Sequence[PoisonMessage]) -> None:
    """*chosen*: empty for all."""
    about = len(chosen) or look.about
    st.markdown(f"**{formats.count(about, 'message')} {'runs' if about == 1 else 'run'} again**, unchanged.")
    target = _draw_target(look, "all" if not chosen else "some")
    if not chosen and len(look.messages) < about:
        st.caption(f"Of the {len(look.messages)} shown:")
    st.markdown(consequence(chosen or look.messages))
    if about > MOST_AT_ONCE:
        st.markdown(f"The first {MOST_AT_ONCE} of them now; press again for the next.")
    st.caption(
        "Each is sent first and removed then. What is broken off in between shows again within a minute and can be replayed "
        "again: the function knows a call by its CorrelationId and works on it once."
    )
    st.button(
        f"Replay to {target}" if target else "Replay",
        key="poison-do-replay" if chosen else "poison-do-replay-all",
        type="primary",
        icon=":material/replay:",
        **rights.button("replay message", disabled=not target),
        on_click=replay,
        args=[look.queue, [one.id for one in chosen], _stated(look, target)],
    )


def consequence(messages: Sequence[PoisonMessage], *, edited: bool = False) -> str:
    """Return what a replay of *messages* would come to, where that is not simply an answer."""
    if not messages:
        return ""
    said = []
    back = 0 if edited else sum(one.comes_back for one in messages)
    closed = sum(one.awaited == "no" for one in messages)
    unknown = sum(one.awaited == "unknown" for one in messages)
    if back:
        said.append(
            f":orange[:material/warning:] {formats.count(back, 'message')} the function cannot read: sent unchanged they come back."
        )
    if closed:
        said.append(
            f":orange[:material/warning:] {formats.count(closed, 'message')} nobody waits for: the run is over, and the answer reaches nobody."
        )
    if unknown:
        said.append(
            f":gray[:material/help:] Whether anybody waits is not known of {formats.count(unknown, 'message')}."
        )
    return "  \n".join(said) or ":blue[:material/hourglass_top:] A run waits for each of them."


def _draw_target(look: Look, name: str) -> str:
    """Return where the messages go; empty while a person has not said it."""
    if look.destination is not None:
        return look.destination.queue
    names = [depth.name for depth in context.all_depths()[0] if not depth.name.endswith(POISON_SUFFIX)]
    chosen = st.selectbox(
        "Nothing says where they belong. Send them to",
        sorted(names),
        index=None,
        key=f"poison-target-{name}",
        placeholder="Choose the queue",
    )
    return chosen or ""


def _stated(look: Look, target: str) -> str:
    return "" if look.destination is not None else target


def _draw_delete(look: Look, chosen: Sequence[PoisonMessage]) -> None:
    waiting = sum(one.awaited == "yes" for one in chosen)
    st.markdown(
        f"**{formats.count(len(chosen), 'message')} will be gone for good.** Export first what you may want to see again."
    )
    if waiting:
        st.markdown(
            f":orange[:material/warning:] A run still waits for {waiting:,} of them; it will wait until it expires."
        )
    st.button(
        f"Delete {formats.count(len(chosen), 'message')}",
        key="poison-do-delete",
        type="primary",
        icon=":material/delete:",
        **rights.button("delete message"),
        on_click=delete,
        args=[look.queue, [one.id for one in chosen]],
    )


def _draw_purge(look: Look) -> None:
    st.markdown(
        f"**All messages, about {look.about:,}, will be gone for good.** Export first what you may want to see again."
    )
    typed = st.text_input(f"Type `{look.queue}` to empty it", key="poison-typed")
    st.button(
        "Purge",
        key="poison-do-purge",
        type="primary",
        icon=":material/delete_forever:",
        **rights.button("purge queue", disabled=typed.strip() != look.queue),
        on_click=purge,
        args=[look.queue, typed],
    )


def _draw_through(look: Look) -> None:
    st.markdown(
        f"**Go through about {min(look.about, WHOLE_MOST):,} messages.** A look shows the first 32 only."
    )
    st.markdown(
        "To see more, each message is taken and shown again at once: for that moment nobody else sees it, and its count of "
        "deliveries in this poison queue grows by one. Should Relaydeck end meanwhile, they show again within a minute."
    )
    if look.about > WHOLE_MOST:
        st.markdown(f"The first {WHOLE_MOST:,} are gone through.")
    st.button(
        "Go through all",
        key="poison-do-through",
        type="primary",
        on_click=go_through,
        args=[look.queue],
        **rights.button("look through queue"),
    )


# Callbacks --------------------------------------------------------------------------------------------


def look_again(queue: str) -> None:
    context.poison_board().forget(queue)


def go_through(queue: str) -> None:
    with feedback.saying_errors():
        board = context.poison_board()
        board.forget(queue)
        look = board.put(context.services().poison.look_through(queue))
        feedback.say(f"{formats.count(len(look.messages), 'message')} gone through", DONE_ICON)
    _begin_round()


def replay(queue: str, ids: Sequence[str], to: str) -> None:
    """*ids*: empty for all."""
    moves, seen = context.services().poison_moves, context.poison_board().held(queue)
    _act(queue, lambda: moves.replay(queue, ids, to, seen) if ids else moves.replay_all(queue, to))


def replay_edited(queue: str, message_id: str, text: str, to: str, *, insist: bool) -> None:
    moves = context.services().poison_moves
    _act(queue, lambda: moves.replay_edited(queue, message_id, text, to, insist=insist))


def delete(queue: str, ids: Sequence[str]) -> None:
    moves, seen = context.services().poison_moves, context.poison_board().held(queue)
    _act(queue, lambda: moves.delete(queue, ids, seen))


def purge(queue: str, typed: str) -> None:
    _act(queue, lambda: context.services().poison_moves.purge(queue, typed))


def _act(queue: str, do: Callable[[], Report]) -> None:
    with feedback.saying_errors():
        report = do()
        feedback.say(safe.inline(report.words, 600), DONE_ICON if report.is_whole else feedback.ERROR_ICON)
        st.session_state[REPORT_KEY] = None if report.is_whole else report
        poison_table.choose()
    context.poison_board().forget(queue)
    _begin_round()


def _begin_round() -> None:
    st.session_state[ROUND_KEY] = st.session_state.get(ROUND_KEY, 0) + 1
    st.session_state.pop("poison-typed", None)


def _close_report() -> None:
    st.session_state.pop(REPORT_KEY, None)
