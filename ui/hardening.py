"""What the browser may do with our pages, and which of Streamlit's own addresses nobody needs."""

import base64
import hashlib
import re
from importlib.resources import files

from ui.asgi import AsgiApp, Message, Receive, Send
from ui.start_page import script_hash

_HIDDEN = ("/_stcore/metrics", "/_stcore/agent", "/_stcore/script-health-check")
_INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)


class HardeningMiddleware:
    """Adds the security headers to every reply and answers 404 for addresses that tell of the inside."""

    def __init__(self, app: AsgiApp) -> None:
        self._app = app
        self._headers = [(name.encode(), value.encode()) for name, value in headers().items()]
        self._names = {name.lower() for name, _ in self._headers}

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() not in self._names]
                message["headers"] = [*kept, *self._headers]
            await send(message)

        if any(part in scope["path"] for part in _HIDDEN):
            await send_hardened(
                {"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]}
            )
            await send({"type": "http.response.body", "body": b"Not found"})
            return
        await self._app(scope, receive, send_hardened)


def headers() -> dict[str, str]:
    """Return the headers. Scripts, styles, images and connections come from this host only, and nobody may frame us."""
    scripts = " ".join(["'self'", "'wasm-unsafe-eval'", script_hash(), *_inline_script_hashes()])
    policy = {
        "default-src": "'self'",
        "script-src": scripts,
        "style-src": "'self' 'unsafe-inline'",  # Streamlit styles its elements from script
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "connect-src": "'self'",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return {
        "content-security-policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }


def _inline_script_hashes() -> list[str]:
    """Return the hashes of the scripts inside Streamlit's start page, so that no other inline script runs."""
    page = files("streamlit").joinpath("static/index.html").read_text(encoding="utf-8")
    digests = [hashlib.sha256(script.encode()).digest() for script in _INLINE_SCRIPT.findall(page)]
    return [f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests]
