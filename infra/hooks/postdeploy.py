"""After deploying: looks whether the dashboard asks for a sign-in, and says what comes next."""

from collections.abc import Mapping

from common import Answer, Verdict, get, main, tell, wait_setting_s, wait_until


def hook(environ: Mapping[str, str]) -> None:
    host, client = environ.get("RELAYDECK_WEB_HOST", ""), environ.get("AUTH_CLIENT_ID", "")
    if environ.get("SERVICE_WEB_RESOURCE_EXISTS", "").lower() != "true":
        tell(
            "This was the first deployment. Type once more, so that the probes of the dashboard are set:\n  azd provision"
        )
    if not host or not client:
        tell(
            "The dashboard is not to be reached from outside: there is no AUTH_CLIENT_ID. docs/deploy.md, Sign-in."
        )
        return
    tell(f"Waiting until https://{host} asks for a sign-in …")
    came, answer = wait_until(
        lambda: get(f"https://{host}/", {"Accept": "text/html"}), wait_s=wait_setting_s(environ), what=judge
    )
    if came:
        tell(
            f"It does: https://{host}\nNext: python3 run.py doctor, with the .env of: azd env get-values > .env"
        )
    elif answer.status == 200:
        tell(f"https://{host} lets in whoever comes! Switch its sign-in on at once: azd provision")
    else:
        tell(
            f"https://{host} answers {answer.status} ({answer.said}). A new revision may take some minutes; its log:\n"
            f"  az containerapp logs show --name {host.partition('.')[0]} --resource-group "
            f"{environ.get('AZURE_RESOURCE_GROUP', '<group>')} --follow"
        )


def judge(answer: Answer) -> Verdict:
    """A redirect to the sign-in page is what must come; a page without one must not."""
    if answer.status == 302 and "/login" in answer.headers.get("location", ""):
        return "ready"
    return "never" if answer.status == 200 else "not yet"


if __name__ == "__main__":
    main(hook)
