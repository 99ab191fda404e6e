"""After a pipeline has deployed: exit code 1 unless the dashboard asks for a sign-in. `python3 smoke.py HOST`

The hook after deploying tells a person the same; it never fails, since a deployment by hand may go on without.
"""

import sys
from collections.abc import Mapping

from common import HookError, get, main, tell, wait_setting_s, wait_until
from postdeploy import judge


def look(host: str, environ: Mapping[str, str]) -> None:
    """Return once *host* asks for a sign-in. Raises HookError: it lets everybody in, or does not answer in time."""
    if not host:
        raise HookError("There is no host to ask. Type: azd env get-value RELAYDECK_WEB_HOST")
    came, answer = wait_until(
        lambda: get(f"https://{host}/", {"Accept": "text/html"}), wait_s=wait_setting_s(environ), what=judge
    )
    if not came:
        raise HookError(
            f"https://{host} answers {answer.status} ({answer.said}), and does not ask for a sign-in."
        )
    tell(f"https://{host} asks for a sign-in.")


if __name__ == "__main__":
    main(lambda environ: look("".join(sys.argv[1:2]), environ))
