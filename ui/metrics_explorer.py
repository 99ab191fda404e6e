"""The Azure Monitor explorer: any metric that Azure itself keeps of our resources, and the request that reads it."""

from collections.abc import Callable, Sequence
from datetime import datetime

import streamlit as st

from services.monitor.metrics import MOST_SERIES
from services.monitor.overview import Points, number
from services.monitor.platform import PlatformMetric, Resource
from services.monitor.results import Result
from ui import cards, context, formats, metrics_choice, safe
from ui.charts import palette, style
from ui.metrics_choice import AUTO, NAMES, NONE, WORDS, Choice
from ui.view import View

NARROWEST_PX = 170
KEY = "metrics-azure-{}"
NO_RESOURCE = (
    "No Azure resource is named whose metrics could be shown. Set `RELAYDECK_METRICS_ENDPOINT` to the address of your "
    "region, and `RELAYDECK_STORAGE_RESOURCE_ID` or `RELAYDECK_FOUNDRY_RESOURCE_ID` to the id of the resource; "
    "docs/configuration.md says where to find them."
)
NO_DATA = (
    "Azure Monitor holds no value for this in the range. That is not 0: where nothing happens, most metrics have no "
    "value at all. New ones take a minute or more to appear."
)
GRAIN_WORDS = {"PT1M": "1 min", "P1D": "1 day"}


def draw(view: View) -> None:
    service = context.services().metrics
    if service is None:
        with st.container(border=True, key="card-metrics-azure-none"):
            st.markdown("**What does Azure itself measure?**")
            st.caption(f":material/link_off: {NO_RESOURCE}")
        return
    stated = {name: st.query_params[name] for name in NAMES if name in st.query_params}
    choice = metrics_choice.choose(stated, service.resources, view.start, view.end)
    draw_choices(choice, service.resources)
    if choice.problem:
        st.warning(safe.inline(choice.problem, 600), icon=":material/rule:")
    ask = choice.ask(view.label)
    result, call = context.ask_metrics(service, ask), service.call_for(ask)
    cards.draw(
        title(choice),
        result,
        lambda: draw_series(choice, result, view),
        key="metrics-azure",
        about=(
            f"{choice.metric.about} Asked of {safe.code(choice.resource.id, 400)} like this, with a token of your "
            f"identity as `Authorization: Bearer`:\n\n```http\n{call.text}\n```"
        ),
        empty=NO_DATA,
        grain=choice.grain,
    )


def draw_choices(choice: Choice, resources: Sequence[Resource]) -> None:
    """Draw what can be chosen; each choice offers only what the one before it supports."""
    with st.grid(5, min_column_width=NARROWEST_PX, gap="small", key="metrics-azure-choices"):
        titles = {WORDS[one.namespace]: f"{one.title} · {one.name}" for one in resources}
        _draw_choice(
            "resource", "Resource", tuple(titles), WORDS[choice.resource.namespace], titles.__getitem__
        )
        metrics = choice.resource.metrics
        _draw_choice(
            "metric", "Metric", tuple(metrics), choice.metric.name, lambda name: _metric_word(metrics[name])
        )
        _draw_choice("agg", "Aggregation", choice.metric.aggregations, choice.aggregation, str)
        splits = (NONE, *choice.metric.dimensions)
        _draw_choice(
            "split",
            "Split by",
            splits,
            choice.split or NONE,
            lambda name: "not split" if name == NONE else name,
        )
        _draw_choice("every", "Every", choice.grains(), choice.every, _grain_word)


def draw_series(choice: Choice, result: Result, view: View) -> None:
    series = series_of(choice, result)
    if choice.metric.caveat:
        icon = ":material/schedule:" if choice.is_hourly else ":material/science:"
        colour = "orange" if choice.is_hourly else "gray"
        badge = "hourly data" if choice.is_hourly else "preview"
        st.markdown(f":{colour}-badge[{icon} {badge}] {choice.metric.caveat}")
    if choice.start < view.start:
        st.caption(
            f"{view.words[:1].upper()}{view.words[1:]} holds too few values of it: shown since "
            f"{safe.inline(view.clock(choice.start))}."
        )
    if len(series) >= MOST_SERIES:
        st.caption(f"The {MOST_SERIES} largest are shown; there may be more.")
    from ui.charts import metric_lines

    drawn = metric_lines.figure(
        series,
        bars=choice.aggregation in ("Total", "Count"),
        start=choice.start,
        end=choice.end,
        grain=choice.grain,
        theme=palette.theme(),
        zone=view.zone,
        unit=choice.metric.unit,
    )
    style.draw(
        drawn, key="metrics-azure-figure", alt=f"{title(choice)} {spread_words(series, choice.metric)}"
    )
    st.caption(safe.inline(spread_words(series, choice.metric), 400))


def title(choice: Choice) -> str:
    """Return `Requests, total, by ApiName`."""
    words = f"{choice.metric.title}, {choice.aggregation.lower()}"
    return f"{words}, by {choice.split}" if choice.split else words


def series_of(choice: Choice, result: Result) -> dict[str, Points]:
    """Return the points of each series, by its name; one without a split has the metric's."""
    found: dict[str, list[tuple[datetime, float | None]]] = {}
    for row in result.rows:
        if isinstance(row["bucket"], datetime):
            name = str(row["series"] or choice.metric.title)
            found.setdefault(name, []).append((row["bucket"], number(row["value"])))
    return {name: tuple(points) for name, points in found.items()}


def spread_words(series: dict[str, Points], metric: PlatformMetric) -> str:
    """Return `5 series; from 1 to 240 requests; last 12 at …`: what the chart says, in words."""
    known = [value for points in series.values() for _, value in points if value is not None]
    if not known:
        return "No value."
    words = f"From {_number(min(known))} to {_number(max(known))} {metric.unit}"
    return f"{formats.count(len(series), 'series', 'series')}. {words}." if len(series) > 1 else f"{words}."


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.2f}"


def _metric_word(metric: PlatformMetric) -> str:
    return f"{metric.title} ({metric.name})"


def _grain_word(word: str) -> str:
    """Return the label of a grain. It never changes: the browser tells a choice by its label."""
    if word == AUTO:
        return "automatic"
    return GRAIN_WORDS.get(word, word.removeprefix("PT").replace("M", " min").replace("H", " h"))


def _draw_choice(
    name: str, label: str, options: Sequence[str], chosen: str, words: Callable[[str], str]
) -> None:
    key = KEY.format(name)
    if st.session_state.get(key) != chosen:
        st.session_state[key] = chosen
    st.selectbox(label, options, key=key, format_func=words, on_change=_choose, args=[name, options])


def _choose(name: str, options: Sequence[str]) -> None:
    """Callback: the choice goes into the address; what it may not support is dropped from there."""
    chosen = st.session_state.get(KEY.format(name))
    if chosen not in options:  # a label that the browser held from what was offered before
        return
    for other in {"resource": NAMES[1:], "metric": NAMES[2:]}.get(name, ()):
        st.query_params.pop(other, None)
    st.query_params[name] = str(chosen)
