"""Before deploying: waits until the new roles have spread, as far as whoever deploys can see it.

The function app's own identity opens its package; nobody but Azure can try that one beforehand.
"""

from collections.abc import Mapping

from common import (
    FOUNDRY_SCOPE,
    QUEUE_SCOPE,
    Answer,
    HookError,
    get,
    is_closed,
    main,
    tell,
    token,
    wait_setting_s,
    wait_until,
)

AGAIN = "Roles take up to ten minutes, in rare cases thirty. Nothing is broken; type:\n  azd deploy"


def hook(environ: Mapping[str, str]) -> None:
    if not environ.get("AZURE_PRINCIPAL_ID"):
        tell(
            "AZURE_PRINCIPAL_ID is empty: nobody to try the roles with. If deploying fails with 403, type: azd deploy"
        )
        return
    for what, address, headers in probes(environ):

        def ask(address: str = address, headers: Mapping[str, str] = headers) -> Answer:
            return get(address, headers)

        tell(f"Waiting until you may read {what} …")
        came, answer = wait_until(ask, wait_s=wait_setting_s(environ))
        if not came:
            raise HookError(refusal(what, address, answer))
    tell("Roles are in force.")


def probes(environ: Mapping[str, str]) -> list[tuple[str, str, dict[str, str]]]:
    storage, project = environ.get("STORAGE_SERVICE_ENDPOINT", ""), environ.get("PROJECT_ENDPOINT_ENT", "")
    if not storage or not project:
        raise HookError("The environment knows no STORAGE_SERVICE_ENDPOINT yet. Type first:\n  azd provision")
    return [
        (
            "the queues",
            f"{storage.rstrip('/')}/?comp=list&maxresults=1",
            {"Authorization": f"Bearer {token(QUEUE_SCOPE)}", "x-ms-version": "2024-08-04"},
        ),
        (
            "the agents",
            f"{project.rstrip('/')}/assistants?api-version=v1&limit=1",
            {"Authorization": f"Bearer {token(FOUNDRY_SCOPE)}"},
        ),
    ]


def refusal(what: str, address: str, answer: Answer) -> str:
    host = address.split("/")[2]
    if answer.status == 0:
        return (
            f"{host} does not answer from here: {answer.said}. With NETWORK_ISOLATION=true only machines inside the "
            "network reach it: deploy from one of them (docs/deploy.md, Isolation)."
        )
    if is_closed(answer):
        return f"{host} lets this address in the network not in ({answer.said}). docs/deploy.md, Isolation."
    return f"You may not read {what} yet: {host} answers {answer.status} ({answer.said}). {AGAIN}"


if __name__ == "__main__":
    main(hook)
