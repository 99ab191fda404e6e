"""A thread as a file: JSON for programs, and one HTML page for people that needs nothing beside itself.

The page holds no script, asks for nothing elsewhere, and everything that somebody wrote is escaped in it.
"""

import html
import json
import unicodedata
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from services.agents.backend import Call, ThreadMessage
from services.inventory.threads_service import RunDetail, ThreadDetail
from services.inventory.threads_times import StretchKind, seconds_in

_KEPT = {"\n", "\t", "\u200c", "\u200d"}
_HIDDEN = ("Cc", "Cf", "Cs", "Co")
KINDS: Final[tuple[tuple[StretchKind, str], ...]] = (
    ("queued", "queued"),
    ("working", "working"),
    ("tools", "waiting for tools"),
)
STYLE: Final = """
:root { color-scheme: light dark; --line: #d9deea; --soft: #667089; --asked: #eef1fb; --failed: #d13b3b }
@media (prefers-color-scheme: dark) { :root { --line: #2d364d; --soft: #8a94ad; --asked: #1a2031; --failed: #ef6b6b } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem } h2 { font-size: 1.1rem; margin-top: 2rem }
pre { white-space: pre-wrap; overflow-wrap: anywhere; font: inherit; margin: 0 }
code, td pre { font: 0.85rem/1.4 ui-monospace, monospace }
.note, .by { color: var(--soft); font-size: 0.85rem } .failed { color: var(--failed) }
.message { border: 1px solid var(--line); border-radius: 8px; padding: 0.7rem 1rem; margin: 0.8rem 0 }
.user { background: var(--asked) }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem }
th, td { border-bottom: 1px solid var(--line); padding: 0.35rem 0.5rem; text-align: left; vertical-align: top }
"""
PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="referrer" content="no-referrer">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<p class="note">{about}</p>
<h2>Conversation</h2>
{messages}
<h2>Runs</h2>
<p class="note">The service tells whole seconds.</p>
{runs}
</body>
</html>
"""


def as_json(detail: ThreadDetail) -> bytes:
    """Return all that was read, times in UTC."""
    known = {
        "format": "relaydeck-thread-1",
        "exported_at": detail.read_at,
        "thread": asdict(detail.thread),
        "first_question": detail.title,
        "complete": detail.complete,
        "not_understood": detail.unread,
        "messages": [asdict(message) for message in detail.messages],
        "runs": [_run_document(one, detail.read_at) for one in detail.runs],
    }
    return json.dumps(known, ensure_ascii=False, indent=1, default=_plain).encode("utf-8", "replace")


def as_html(detail: ThreadDetail) -> bytes:
    """Return a page that can be opened anywhere, also without a network."""
    told = [
        f"Thread {detail.thread.id}",
        f"begun {_time(detail.thread.created_at)}",
        f"exported {_time(detail.read_at)}",
        "" if detail.complete else "older parts are left out",
        f"{detail.unread} parts of an unknown shape are left out" if detail.unread else "",
    ]
    page = PAGE.format(
        title=shown(detail.title) or "Thread",
        style=STYLE,
        about=shown(" · ".join(filter(None, told))),
        messages="\n".join(map(_message, detail.messages)) or '<p class="note">It holds no message.</p>',
        runs=_runs(detail.runs, detail.read_at),
    )
    return page.encode("utf-8", "replace")


def shown(text: str) -> str:
    """Return *text* as HTML that shows it: no markup in it means anything, nothing in it hides or turns about."""
    unified = text.replace("\r\n", "\n").replace("\r", "\n")
    kept = (one for one in unified if one in _KEPT or unicodedata.category(one) not in _HIDDEN)
    return html.escape("".join(kept), quote=True)


def _message(message: ThreadMessage) -> str:
    who = "Question" if message.role == "user" else "Answer"
    run = f" · run {message.run_id}" if message.run_id else ""
    return (
        f'<div class="message {"user" if message.role == "user" else "assistant"}">'
        f'<p class="by">{shown(f"{who} · {_time(message.created_at)}{run}")}</p>'
        f"<pre>{shown(message.text)}</pre></div>"
    )


def _runs(runs: Iterable[RunDetail], now: datetime) -> str:
    rows = [_row(one, now) for one in runs]
    if not rows:
        return '<p class="note">Nothing has run in it.</p>'
    heads = ("Run", "Agent", "State", *(word.capitalize() for _, word in KINDS), "Tokens", "Tools")
    head = "".join(f"<th>{word}</th>" for word in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _row(one: RunDetail, now: datetime) -> str:
    run = one.run
    bad = ' class="failed"' if run.state in ("failed", "expired", "incomplete") else ""
    state = f"{run.state}: {run.error_message or run.error_code}" if run.error_code else run.state
    times = [seconds_in(one.stretches, kind, now) for kind, _ in KINDS]
    cells = [
        f"<td><code>{shown(run.id)}</code></td>",
        f"<td>{shown(one.agent)}</td>",
        f"<td{bad}>{shown(state)}</td>",
        *(f"<td>{'not known' if time is None else f'{time:.0f} s'}</td>" for time in times),
        f"<td>{run.usage.prompt + run.usage.completion if run.usage else 'not known'}</td>",
        f"<td>{_calls(one)}</td>",
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _calls(one: RunDetail) -> str:
    if one.steps is None:
        return "not read"
    calls = [call for step in one.steps for call in step.calls]
    return "".join(map(_call, calls)) or "none"


def _call(call: Call) -> str:
    child = f" (thread {call.child_thread_id})" if call.child_thread_id else ""
    output = "no output" if call.output is None else call.output
    return f"<p>{shown(call.name + child)}</p><pre>{shown(call.arguments)}\n→ {shown(output)}</pre>"


def _run_document(one: RunDetail, now: datetime) -> dict[str, object]:
    return {
        **asdict(one.run),
        "agent_name": one.agent,
        "seconds": {kind: seconds_in(one.stretches, kind, now) for kind, _ in KINDS},
        "steps": None if one.steps is None else [asdict(step) for step in one.steps],
    }


def _time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
