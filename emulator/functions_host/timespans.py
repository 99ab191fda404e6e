"""Durations as host.json writes them: [days.]hours:minutes:seconds[.fraction]."""

import re

_TIMESPAN = re.compile(
    r"(?:(?P<days>\d{1,4})\.)?(?P<hours>\d{1,2}):(?P<minutes>[0-5]?\d):(?P<seconds>[0-5]?\d(?:\.\d{1,7})?)"
)


def parse_timespan_s(text: str) -> float:
    """Return the seconds that *text* stands for. Raises ValueError with an example."""
    match = _TIMESPAN.fullmatch(text.strip())
    if match is None or int(match["hours"]) > 23:
        raise ValueError(f'"{text}" is not a time span; write hours:minutes:seconds, as in "00:00:02"')
    days, hours = int(match["days"] or 0), int(match["hours"])
    return days * 86400 + hours * 3600 + int(match["minutes"]) * 60 + float(match["seconds"])


def render_timespan(seconds: float) -> str:
    """Return *seconds* as host.json would write them."""
    whole, fraction = divmod(round(seconds * 1000), 1000)
    minutes, second = divmod(whole, 60)
    days, minute_of_day = divmod(minutes, 1440)
    text = f"{minute_of_day // 60:02}:{minute_of_day % 60:02}:{second:02}"
    return (f"{days}." if days else "") + text + (f".{fraction:03}" if fraction else "")
