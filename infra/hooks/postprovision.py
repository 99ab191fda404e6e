"""After provisioning: tells the app registration where people come back to, once that address is known."""

from collections.abc import Mapping

from common import HookError, main, run, tell

CALLBACK = "/.auth/login/aad/callback"


def hook(environ: Mapping[str, str]) -> None:
    client, hosts = environ.get("AUTH_CLIENT_ID", ""), addresses(environ)
    if not client:
        tell(
            "No AUTH_CLIENT_ID: the dashboard is reached from inside its environment only. docs/deploy.md, Sign-in."
        )
        return
    uris = [f"https://{host}{CALLBACK}" for host in hosts]
    try:
        run("az", "ad", "app", "update", "--id", client, "--web-redirect-uris", *uris)
    except HookError as exc:
        tell(
            f"The redirect URIs were not set: {exc}\nAdd them to the app registration {client}, under Authentication, Web:"
        )
        for uri in uris:
            tell(f"  {uri}")
        return
    tell(f"People come back to {', '.join(uris)}.")


def addresses(environ: Mapping[str, str]) -> list[str]:
    names = ("RELAYDECK_WEB_HOST", "RELAYDECK_FRONT_DOOR_HOST", "FRONT_DOOR_HOST")
    return list(dict.fromkeys(environ[name] for name in names if environ.get(name)))


if __name__ == "__main__":
    main(hook)
