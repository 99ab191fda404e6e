"""What the hooks share: azd, az, waiting for Azure, and how they tell what to do next. Standard library only."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["ready", "not yet", "never"]
WAIT_SETTING, WAIT_S = "RELAYDECK_HOOK_WAIT_S", 300.0
PAUSES_S = (0.5, 2.0, 5.0, 10.0, 20.0, 30.0)
TIMEOUT_S = 20.0
CLOSED = ("AuthorizationFailure", "Public access is disabled")
MOST_READ = 4_000
QUEUE_SCOPE = "https://storage.azure.com/.default"
FOUNDRY_SCOPE = "https://ai.azure.com/.default"


class HookError(Exception):
    """The hook cannot go on. The message says what to type."""


@dataclass(frozen=True)
class Answer:
    """*status*: 0 when nothing answered. *said*: a short reason. *headers*: their names in small letters."""

    status: int
    said: str
    headers: Mapping[str, str]


def tell(text: str) -> None:
    print(text, flush=True)


def main(hook: Callable[[Mapping[str, str]], None]) -> None:
    """Run *hook* with the environment that azd gave this process; exit code 1 when it cannot go on."""
    try:
        hook(os.environ)
    except HookError as exc:
        print(f"\n{exc}", file=sys.stderr, flush=True)
        sys.exit(1)


def run(*words: str) -> str:
    """Return what the command printed. Raises HookError with the end of what it complained of."""
    program = shutil.which(words[0])
    if program is None:
        raise HookError(f"{words[0]} is not installed, or not on the PATH.")
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)
    if done.returncode:
        raise HookError(f"{' '.join(words[:3])} failed: {done.stderr.strip()[-500:]}")
    return done.stdout.strip()


def keep(name: str, value: str) -> None:
    """Remember *value* in the azd environment, for this run and all later ones."""
    run("azd", "env", "set", name, value)


def token(scope: str) -> str:
    """Return a token of whoever is signed in to azd. Raises HookError."""
    answer = json.loads(run("azd", "auth", "token", "--scope", scope, "--output", "json"))
    return str(answer["token"])


def get(address: str, headers: Mapping[str, str]) -> Answer:
    """Return the answer to one GET; redirects are answers, and so is silence."""
    request = urllib.request.Request(address, headers=dict(headers))  # noqa: S310 - addresses of our own deployment
    try:
        with _opener().open(request, timeout=TIMEOUT_S) as reply:
            return Answer(reply.status, "answered", _small(reply.headers))
    except urllib.error.HTTPError as exc:
        with exc:
            said = exc.headers.get("x-ms-error-code") or str(exc.reason)
            if CLOSED[1] in exc.read(MOST_READ).decode(errors="replace"):
                said = CLOSED[1]  # Foundry says it in the body alone
            return Answer(exc.code, said, _small(exc.headers))
    except OSError as exc:
        return Answer(0, str(getattr(exc, "reason", exc)), {})


def is_closed(answer: Answer) -> bool:
    """Return whether a firewall refused, and no role: waiting will not help."""
    return answer.status == 403 and answer.said in CLOSED


def judge(answer: Answer) -> Verdict:
    """A new role is refused until it has spread; a network that lets nobody in stays shut."""
    if 200 <= answer.status < 300:
        return "ready"
    if is_closed(answer):
        return "never"
    return "not yet" if answer.status in (0, 401, 403, 404, 408, 429) or answer.status >= 500 else "never"


def wait_until(
    ask: Callable[[], Answer],
    *,
    wait_s: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
    what: Callable[[Answer], Verdict] = judge,
) -> tuple[bool, Answer]:
    """Return whether it came to be within *wait_s*, and the last answer. Asks at growing intervals."""
    began, turn = clock(), 0
    while True:
        answer = ask()
        verdict = what(answer)
        left_s = wait_s - (clock() - began)
        if verdict != "not yet" or left_s <= 0:
            return verdict == "ready", answer
        sleep(min(PAUSES_S[min(turn, len(PAUSES_S) - 1)], left_s))
        turn += 1


def wait_setting_s(environ: Mapping[str, str]) -> float:
    return float(environ.get(WAIT_SETTING, "").strip() or WAIT_S)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(_NoRedirect())


def _small(headers: object) -> dict[str, str]:
    pairs: Iterable[tuple[object, object]] = getattr(headers, "items", dict)()
    return {str(name).lower(): str(value) for name, value in pairs}
