"""Takes keys, signatures and tokens out of texts that are shown or logged."""

import re

MAX_QUOTE = 400
_SECRETS = (
    # What Storage says it signed repeats the request with its account key's signature: never shown.
    (
        re.compile(r"(?is)(server used following string to sign|stringtosign|AuthenticationErrorDetail).*"),
        "…",
    ),
    (
        re.compile(r"(?i)(\b(?:sig|signature|skoid|se|sp|sv|code|key|api[-_]?key|accesskey)=)[^&\s\"'<>;]+"),
        r"\1…",
    ),
    (
        re.compile(
            r"(?i)((?:AccountKey|SharedAccessKey|InstrumentationKey|SharedAccessSignature)=)[^;\s\"']+"
        ),
        r"\1…",
    ),
    (re.compile(r"(?i)\b(Bearer|SharedKey(?:Lite)?)\s+[A-Za-z0-9+/_=.:~-]{8,}"), r"\1 …"),
    (re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+"), "…"),
    (
        re.compile(
            r"(?i)((?:client_secret|password|access_token|refresh_token)[\"']?\s*[=:]\s*[\"']?)[^\s&\"',}]+"
        ),
        r"\1…",
    ),
)


def redact(text: str, limit: int = MAX_QUOTE) -> str:
    """Return *text* in one line, without keys, signatures and tokens, cut to *limit* characters."""
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
