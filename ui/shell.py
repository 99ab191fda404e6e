"""The frame of every page: navigation, where we are, and whether the parts are well."""

import streamlit as st

import runtime
from services.models import HealthState, PartHealth
from services.settings import Settings
from services.version import version
from ui import (
    ask_actions,
    bar,
    context,
    demo,
    dependencies,
    doctor_parts,
    fault_bar,
    feedback,
    first_paint,
    formats,
    guard,
    patience,
    recovery,
    safe,
    startup,
    view,
)
from ui.menu import MENU, PAGES, Screen

CHECKING_S = 0.5
AILING_S = 5.0  # how often what is not well is looked at again
SETTLES_S = 1.5  # the page itself is drawn by then; only its frame waits
LOGO_COLOURS = {"light": "#182034", "dark": "#e8ebf5"}
PRODUCTION = ("prod", "production", "live")


HEALTH_LOOKS: dict[HealthState, tuple[str, str, str]] = {
    "ok": ("green", ":material/check_circle:", "ok"),
    "degraded": ("orange", ":material/warning:", "limited"),
    "down": ("red", ":material/cancel:", "down"),
    "unknown": ("gray", ":material/help:", "not known"),
}


def main() -> None:
    # Before the navigation, whose icons would be fetched from another host as the tab's icon.
    st.set_page_config(page_title="Relaydeck", page_icon=str(context.ROOT / "ui" / "images" / "icon.svg"))
    screens = {
        section: {_page(screen): screen for screen in found} for section, found in MENU.items() if found
    }
    principal = guard.admit()
    failure = startup.failure()
    page = st.navigation(
        {section: list(pages) for section, pages in screens.items()},
        position="hidden" if principal is None or failure is not None else "sidebar",
    )
    if principal is None:  # nothing of what lies behind was drawn or read
        draw_logo()
        return
    screen = next(pages[page] for pages in screens.values() if page in pages)
    if failure is not None:  # whatever was asked for, there is one page as long as nothing works
        screen = next(one for one in MENU["Care"] if one.file == "doctor.py")
    st.set_page_config(
        page_title=f"{screen.title} · Relaydeck",
        page_icon=str(
            context.ROOT / "ui" / "images" / "icon.svg"
        ),  # an icon by name would be fetched elsewhere
        layout="wide" if screen.wide else "centered",
    )
    draw_logo()
    if failure is not None:
        startup.draw(failure)
        doctor_parts.draw()
        feedback.draw_said()
        return
    patience.begin()
    recovery.begin(watches=screen.bar)
    # The page comes first: what was pressed for is on the screen before the frame around it is drawn again.
    top, own, bottom, foot = (st.sidebar.container() for _ in range(4))
    context.place_sidebar(own)
    if screen.bar:
        view.restore(screen.file)
    else:
        view.leave()
    fault_bar.draw(paused=screen.bar and view.current().refresh_s is None)
    if screen.bar:
        bar.draw()
        made_up = st.container(key="demo-line")
        told = not screen.history or demo.draw_line(made_up, ask=False)
    page.run()
    first_paint.end(foot)
    if screen.bar and not told:
        demo.draw_line(made_up, ask=True)
    feedback.draw_said()
    with top:
        draw_place(runtime.current().services.settings)
        guard.draw_person(principal)
    with bottom:
        draw_health_board()
        st.caption(f"Relaydeck {version()}")
    recovery.draw()
    patience.end()
    context.settle()


def draw_logo() -> None:
    colour = LOGO_COLOURS.get(st.context.theme.type or "light", LOGO_COLOURS["light"])
    logo = context.image("logo.svg").replace("currentColor", colour)
    st.logo(logo, size="large", icon_image=context.image("icon.svg"))


def draw_place(settings: Settings) -> None:
    """Draw which installation this is and which model answers in it."""
    with st.container(gap="xsmall"):
        st.markdown(place_words(settings))
        st.caption(f":material/psychology: {model_words(settings)}")


def place_words(settings: Settings) -> str:
    name = safe.inline(settings.environment, 32)
    if settings.environment.lower() in PRODUCTION:
        return f":red-badge[:material/warning: Production] :red[{name}]"
    if settings.mode == "local":
        return ":blue-badge[:material/computer: Local]" + (
            f" {name}" if settings.environment != "local" else ""
        )
    return f":green-badge[:material/cloud: Azure] {name}"


def model_words(settings: Settings) -> str:
    if settings.mode == "azure":
        return safe.inline(settings.model)
    if settings.local_model_url:
        return f"{safe.inline(settings.local_model_name or 'default model')} on your own server"
    return "Rule-based model, built in"


def draw_health_board() -> None:
    """Draw the health of the parts. A timer runs only while a check takes unusually long, or something is not well."""
    every_s = redraws_s(*context.health_board().settled(SETTLES_S))
    st.fragment(draw_health, run_every=every_s, key="health")(every_s)


def redraws_s(parts: tuple[PartHealth, ...], checking: bool) -> float | None:
    if not dependencies.is_well(parts):
        return AILING_S
    return CHECKING_S if checking else None


def draw_health(every_s: float | None) -> None:
    """Fragment: draws the last health, that of a check just begun where it ends soon."""
    parts, checking = context.health_board().settled(0.0 if every_s == CHECKING_S else SETTLES_S)
    with st.container(gap="xsmall", key="health-parts"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption("Health")
            st.button(
                "Check again",
                key="health-check",
                icon=":material/refresh:",
                type="tertiary",
                disabled=checking,
                on_click=ask_actions.check_health,
            )
        for part in dependencies.merged(parts):
            draw_part(part)
        draw_others()
        if not parts:
            st.caption(":shimmer[Checking the parts]")
    if every_s != redraws_s(parts, checking):
        st.rerun()  # timers begin and end with a run of the whole page


def draw_others() -> None:
    """Draw what is no part of its own: in one line as long as all of it is well."""
    others = [one for one in dependencies.others() if one.state != "unknown"]
    for one in others:
        if one.state != "ok":
            draw_part(one)
    if well := [one.part for one in others if one.state == "ok"]:
        st.markdown(f":green[:material/check_circle:] {', '.join(well)}")


def draw_part(part: PartHealth) -> None:
    colour, icon, word = HEALTH_LOOKS[part.state]
    with st.container(
        horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", gap="xsmall"
    ):
        st.markdown(f":{colour}[{icon}] {safe.inline(part.part)}")
        st.caption(f"{word} · {formats.told(formats.clock(part.checked_at))}", width="content")
    if part.state != "ok":
        st.caption(safe.inline(part.detail, 240))


def _page(screen: Screen) -> st.Page:
    return st.Page(
        PAGES / screen.file,
        title=screen.title,
        icon=screen.icon,
        help=screen.help,
        default=screen.default,
        visibility="hidden" if screen.hidden else "visible",
    )


with feedback.showing_errors():
    first_paint.begin()  # before the navigation: the menu is pressed, not read
    try:
        main()
    finally:
        first_paint.send_rest()
