"""The filters of a page, as widgets over its address: the address is what counts, the widgets only write it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Literal

import streamlit as st

from ui import first_paint, safe

LONGEST_NAME = 80
HEIGHT_PX, SORT_PX, PAGES_PX = (
    64,
    38,
    30,
)  # of a widget and its label; of one without; of the ways to other pages


@dataclass(frozen=True, slots=True)
class FilterBar:
    """*page*: what the page's parameters in the address begin with. *names*: the filters, which clear() takes away.
    *defaults*: what a parameter need not say. *forgets*: parameters that mean nothing once another one has changed.

    Nothing here sends a request. Parameter names are given without the page's prefix throughout.
    """

    page: str
    names: tuple[str, ...]
    defaults: Mapping[str, str] = field(default_factory=dict)
    forgets: tuple[str, ...] = ("page",)
    keeps: tuple[str, ...] = ()

    @property
    def prefix(self) -> str:
        return f"{self.page}-"

    def key(self, name: str) -> str:
        """Return the key of the filter's widget."""
        return f"{self.page}-widget-{name}"

    # The address ------------------------------------------------------------------------------------

    def address(self) -> dict[str, str]:
        """Return this page's parameters in the address, by their whole names."""
        return {name: st.query_params[name] for name in st.query_params if name.startswith(self.prefix)}

    def change(self, **parameters: str) -> None:
        """For callbacks: put *parameters* (empty: none) into the address. Other filters begin at their first page."""
        stays = any(name in parameters for name in (*self.forgets, *self.keeps))
        for name, value in {**({} if stays else dict.fromkeys(self.forgets, "")), **parameters}.items():
            if value:
                st.query_params[self.prefix + name] = value
            else:
                st.query_params.pop(self.prefix + name, None)

    def clear(self) -> None:
        """Callback: all filters go. The widgets above the list must show it: all is drawn again."""
        self.change(**dict.fromkeys(self.names, ""))
        st.rerun()

    # The widgets ------------------------------------------------------------------------------------

    def draw_text(self, name: str, label: str, value: str, placeholder: str, longest: int) -> None:
        self._put(name, value)
        st.text_input(
            label,
            key=self.key(name),
            max_chars=longest,
            placeholder=placeholder,
            on_change=self.take,
            args=[name],
        )

    def draw_several(
        self,
        name: str,
        label: str,
        chosen: Sequence[str],
        options: Sequence[str],
        words: Callable[[str], str],
    ) -> None:
        self._put(name, list(chosen))
        st.multiselect(
            label,
            options,
            key=self.key(name),
            format_func=words,
            placeholder="All",
            on_change=self.take,
            args=[name],
        )

    def draw_name(self, name: str, label: str, value: str, known: Sequence[str]) -> None:
        """A name that is chosen, or typed when *known* does not have it: history is longer than what there is now."""
        self._put(name, value or None)
        st.selectbox(
            label,
            known if not value or value in known else [*known, value],
            index=None,
            key=self.key(name),
            format_func=lambda one: safe.clean(one)[:LONGEST_NAME],
            placeholder="All",
            accept_new_options=True,
            on_change=self.take,
            args=[name],
        )

    def draw_choice(self, name: str, label: str, words: Mapping[str, str], value: str) -> None:
        """One of *words*; without a default, choosing none lets all pass."""
        self._put(name, value or None)
        st.selectbox(
            label,
            list(words),
            index=0 if name in self.defaults else None,  # what has a default cannot be emptied
            key=self.key(name),
            format_func=words.__getitem__,
            placeholder="All",
            on_change=self.take,
            args=[name],
        )

    def draw_number(self, name: str, label: str, value: float, *, most: float, step: float) -> None:
        """A number above 0; none: any. Whole numbers where *step* is one."""
        self._put(name, value or None)
        st.number_input(
            label,
            min_value=step if isinstance(step, int) else 0.0,
            max_value=most,
            value=None,
            step=step,
            format="%d" if isinstance(step, int) else "%g",
            key=self.key(name),
            placeholder="Any",
            on_change=self.take,
            args=[name],
        )

    def draw_sort(self, words: Mapping[str, str], value: str) -> None:
        self._put("sort", value)
        with first_paint.later(SORT_PX):
            st.selectbox(
                "Sort by",
                list(words),
                key=self.key("sort"),
                format_func=words.__getitem__,
                label_visibility="collapsed",
                width=240,
                on_change=self.take,
                args=["sort"],
            )

    def draw_clear(self, place: str) -> None:
        st.button(
            "Clear the filters",
            key=f"{self.page}-clear-{place}",
            icon=":material/filter_alt_off:",
            on_click=self.clear,
        )

    def more(self, active: int) -> AbstractContextManager[object] | None:
        """Return where the filters go that few need; None while they are folded away: then they need not be drawn.

        *active*: how many of them keep something out; a filter that nobody sees must still be seen to work.
        """
        box = st.popover(
            f":primary[More filters: {active}]" if active else "More filters",
            icon=":material/filter_list:",
            key=f"{self.page}-more",
            on_change="rerun",
            width="stretch",
        )
        return box if box.open else None

    def take(self, name: str) -> None:
        """Callback: what was chosen goes into the address."""
        value = st.session_state.get(self.key(name))
        if isinstance(value, list):
            said = ",".join(value)
        elif isinstance(value, int | float):
            said = f"{value:g}" if value else ""
        else:
            said = (value or "").strip()
        self.change(**{name: "" if said == self.defaults.get(name) else said})

    def _put(self, name: str, value: object) -> None:
        """Have the widget show what the address says."""
        if st.session_state.get(self.key(name)) != value:
            st.session_state[self.key(name)] = value


def draw_problems(problems: Sequence[str]) -> None:
    """Draw what in the address could not be understood."""
    for problem in problems:
        st.warning(safe.inline(problem, 300), icon=":material/rule:")


@contextmanager
def row(columns: int, key: str) -> Iterator[None]:
    """Draw what is in here as the filters above a list, *columns* in a row where there is room."""
    kept: int | Literal["content"] = HEIGHT_PX if first_paint.is_first() else "content"
    with (
        first_paint.later(HEIGHT_PX),
        st.grid(
            columns, min_column_width=150, gap="small", vertical_alignment="bottom", row_height=kept, key=key
        ),
    ):
        yield


def draw_pages(pages: int, page: int, key: str, take: Callable[[str], None]) -> None:
    """Draw the ways to the *pages* of a list, where there is more than one. *take*: called with *key* once one is chosen."""
    if pages > 1:
        with first_paint.later(PAGES_PX):
            st.pagination(pages, default=page, width=380, key=key, on_change=take, args=[key])
