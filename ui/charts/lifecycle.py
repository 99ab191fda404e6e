"""The life of an agent on a line of time, one row a stage; what was before the range stands at its left edge."""

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from services.inventory.agents_lifecycle import LifecycleStage
from services.monitor.overview import Points
from ui.charts import palette, style, ticks

if TYPE_CHECKING:  # plotly takes a while to import: only a page that draws pays for it
    from ui.charts.figures import Figure

HEIGHT_PX = 230
LEAST_PX, MOST_PX = 7, 20
COLOURS = {
    "creation": "run",
    "configuration": "model",
    "execution": "function",
    "monitoring": "model",
    "cleanup": "run",
}


def figure(
    stages: Sequence[LifecycleStage],
    calls: Points,
    failed: Points,
    *,
    start: datetime,
    end: datetime,
    grain: timedelta,
    theme: str,
    zone: tzinfo,
) -> "Figure":
    """*calls*, *failed*: of the agent, by the beginning of each bucket of *grain*; none when not known."""
    from ui.charts.figures import Figure, Scatter

    drawn = Figure()
    for stage in stages:
        if stage.name == "execution" and calls:
            continue
        if stage.at is None:
            continue
        at, until = _within(stage.at, start, end), _within(stage.until or end, start, end)
        before = stage.at < start
        lasts = stage.name != "creation"
        drawn.add_trace(
            Scatter(
                x=style.times([at, until] if lasts else [at], zone),
                y=[stage.name] * (2 if lasts else 1),
                mode="lines+markers" if lasts else "markers",
                line={"width": 6, "color": _colour(stage, theme)},
                marker={
                    "size": [11, 1][: 2 if lasts else 1],
                    "color": _colour(stage, theme),
                    "symbol": ["triangle-left" if before else "circle"] * (2 if lasts else 1),
                },
                text=[style.plain(f"{stage.at.astimezone(zone):%Y-%m-%d %H:%M}: {stage.told}")]
                * (2 if lasts else 1),
                hovertemplate="%{text}<extra></extra>",
                showlegend=False,
            )
        )
    if calls:
        drawn.add_trace(_calls(calls, failed, grain, theme, zone))
    layout = style.layout(theme, height=HEIGHT_PX, zone=zone)
    layout["hovermode"] = "closest"
    layout["margin"] = {"l": 108, "r": style.RIGHT_PX, "t": 8, "b": 36, "pad": 4}
    room = (end - start) / 80  # marks at both ends are whole
    layout["xaxis"] |= {**ticks.across(style.times([start - room, end + room], zone)), "automargin": False}
    names = [stage.name for stage in stages]
    layout["yaxis"] |= {
        "type": "category",
        "categoryorder": "array",
        "categoryarray": names[::-1],
        "range": [-0.6, len(names) - 0.4],
        "tickvals": names,
        "rangemode": "normal",
        "automargin": False,
    }
    drawn.update_layout(**layout)
    return drawn


def _calls(calls: Points, failed: Points, grain: timedelta, theme: str, zone: tzinfo) -> "object":
    from ui.charts.figures import Scatter

    seen = [(at, count or 0, bad or 0) for (at, count), (_, bad) in zip(calls, failed, strict=True) if count]
    most = max((count for _, count, _ in seen), default=1)
    fine, wrong = palette.KINDS[theme]["function"], palette.FAILED[theme]
    return Scatter(
        x=style.times([at + grain / 2 for at, _, _ in seen], zone),
        y=["execution"] * len(seen),
        mode="markers",
        marker={
            "size": [LEAST_PX + (MOST_PX - LEAST_PX) * (count / most) ** 0.5 for _, count, _ in seen],
            "color": [wrong if bad else fine for _, _, bad in seen],
            "line": {"width": 0},
        },
        text=[
            f"{count:,.0f} call{'' if count == 1 else 's'}" + (f", {bad:,.0f} failed" if bad else "")
            for _, count, bad in seen
        ],
        hovertemplate="%{text}<extra></extra>",
        showlegend=False,
    )


def _within(moment: datetime, start: datetime, end: datetime) -> datetime:
    return min(max(moment, start), end)


def _colour(stage: LifecycleStage, theme: str) -> str:
    if stage.state == "attention":
        return palette.KINDS[theme]["wait"] if stage.name != "execution" else palette.FAILED[theme]
    return palette.KINDS[theme][COLOURS[stage.name]]  # type: ignore[index]  # kinds of bars
