"""The one gate of all pages: ui/shell.py asks it before anything is drawn or read, and every write asks it once more.

The ends of a sign-in, its tenant and its role are looked at each time, for Streamlit itself never ends one.
"""

from dataclasses import replace
from typing import Literal

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

import runtime
from services.access import NOBODY, Principal, this_user
from services.audit.trail import AuditTrail
from services.signin.claims import Login, Reason, Refused
from ui import gate, safe
from ui.gate import PRINCIPAL_HEADER

ENTRA, ANEW = "entra", "anew"  # the same provider; the second asks for the password again
EASY_AUTH_IN = "/.auth/login/aad?post_login_redirect_uri=%2F"
EASY_AUTH_OUT = "/.auth/logout?post_logout_redirect_uri=%2F"
WORDS: dict[Reason, tuple[str, str]] = {
    "nobody": ("Sign in", "This dashboard is for people of one organisation who were given a role in it."),
    "not set up": (
        "Nobody can sign in here",
        "Sign-in was asked for, but is not set up, or this is not a place where it works. The dashboard's log says which "
        "setting it is.",
    ),
    "other tenant": ("This account is of another organisation", "Sign in with an account of this one."),
    "other app": ("This sign-in was for another application", "Sign in to this one."),
    "incomplete": ("This sign-in says too little", "It names no account, or no time. Sign in again."),
    "expired": ("Please sign in again", "The sign-in has come to its end."),
    "too old": ("Please sign in again", "It is too long ago that you proved who you are."),
    "idle": ("Please sign in again", "Nothing was pressed here for a long time."),
    "ended": ("You are signed out", "Sign in again to go on."),
    "no role": ("You have no role here yet", "Your account is right, but nobody has given it a role."),
}
REFUSED_KEY = "guard-refused"
AGAIN: frozenset[Reason] = frozenset({"too old", "idle"})


def who() -> Principal:
    """Return who sits before the page that this thread draws, or presses in it; NOBODY without a sign-in that holds now,
    and for threads that no page runs in: those act for somebody by name or not at all."""
    if gate.current().rules.mode == "none":
        return this_user()
    if get_script_run_ctx(suppress_warning=True) is None:
        return NOBODY
    found = gate.current().judge(_login())
    return NOBODY if isinstance(found, Refused) else replace(found, address=_address())


def admit() -> Principal | None:
    """Return who may see the page. None: nobody may, and that was said in its place."""
    known = gate.current()
    if known.rules.mode == "none":
        return this_user()
    found = known.judge(_login())
    if isinstance(found, Refused):
        _tell_refused(found)
        _draw(found)
        return None
    if (trail := _trail()) is not None:
        trail.signed_in(replace(found, address=_address()))
    return found


def draw_person(principal: Principal) -> None:
    """Draw who is signed in, as what, and how to leave; nothing where nobody signs in."""
    mode = gate.current().rules.mode
    if mode == "none":
        return
    role = next(iter(principal.roles), "").capitalize()
    with st.container(
        horizontal=True,
        vertical_alignment="center",
        horizontal_alignment="distribute",
        gap="xsmall",
        key="person",
    ):
        st.caption(f":material/person: {safe.inline(principal.name, 40)} · {role}", width="content")
        _draw_out(tertiary=True)


def sign_out() -> None:
    """End this sign-in, in all its tabs, and lead through the provider's own end."""
    login = _login()
    if isinstance(login, Login):
        if (trail := _trail()) is not None:
            trail.note(who(), "sign out")
        gate.current().sessions.end(login)
    st.logout()


def _trail() -> AuditTrail | None:
    """Return where signing in and out is put on record; None while nothing has been started."""
    try:
        return runtime.current().services.trail
    except RuntimeError:
        return None


def _tell_refused(refused: Refused) -> None:
    """Put on record, once a tab, that somebody was not let in; who has not tried to sign in is nobody."""
    trail = _trail()
    if trail is None or refused.reason in ("nobody", "not set up"):
        return
    if st.session_state.get(REFUSED_KEY) != refused.reason:
        st.session_state[REFUSED_KEY] = refused.reason
        somebody = Principal("", refused.name or "nobody", address=_address())
        trail.note(somebody, "sign in", outcome="refused", error=refused.reason)


def _login() -> Login | Refused:
    known = gate.current()
    if known.rules.mode == "easyauth":
        return known.by_header(st.context.headers.get(PRINCIPAL_HEADER) or "")
    claims = st.user.to_dict()
    return known.by_claims(claims if claims.get("is_logged_in") is True else {})


def _address() -> str:
    """Return where the person sits; behind a platform's proxy that is what the proxy says, which it appends."""
    if gate.current().trusts_headers:
        return (st.context.headers.get("X-Forwarded-For") or "").rpartition(",")[2].strip()[:64]
    return st.context.ip_address or ""


def _draw(refused: Refused) -> None:
    title, words = WORDS[refused.reason]
    with st.container(key="signin"):
        st.markdown(f"# :material/lock: {title}", anchors=False)
        if refused.name and refused.reason != "nobody":
            st.caption(safe.inline(refused.name, 128))
        st.markdown(words)
        if refused.reason == "no role":
            _draw_roles()
        with st.container(horizontal=True):
            if refused.reason != "not set up":
                _draw_in(refused.reason)
            if refused.reason == "no role":
                _draw_out(tertiary=False)


def _draw_roles() -> None:
    rules = gate.current().rules
    st.markdown(
        "Ask an administrator of Entra ID for one of these app roles, then sign in again:\n\n"
        f"- `{safe.clean(rules.named('viewer'))}` to look at everything\n"
        f"- `{safe.clean(rules.named('operator'))}` to ask, stop, replay and clean up as well\n"
        f"- `{safe.clean(rules.named('admin'))}` for all that Relaydeck can do"
    )


def _draw_in(reason: Reason) -> None:
    label = "Sign in" if reason == "nobody" else "Sign in again"
    if gate.current().rules.mode == "easyauth":
        st.link_button(label, EASY_AUTH_IN, type="primary", icon=":material/login:")
        return
    st.button(
        label,
        key="sign-in",
        type="primary",
        icon=":material/login:",
        on_click=st.login,
        args=[ANEW if reason in AGAIN else ENTRA],
    )


def _draw_out(*, tertiary: bool) -> None:
    kind: Literal["tertiary", "secondary"] = "tertiary" if tertiary else "secondary"
    if gate.current().rules.mode == "easyauth":
        st.link_button("Sign out", EASY_AUTH_OUT, type=kind, icon=":material/logout:")
    else:
        st.button("Sign out", key="sign-out", type=kind, icon=":material/logout:", on_click=sign_out)
