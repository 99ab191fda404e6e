"""Signing in, in a real browser, at a provider that speaks OpenID Connect over real HTTP."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from commands.stack import Stack, dashboard, free_port
from tests.oidc_provider import OTHER_TENANT, OidcProvider

TIMEOUT_MS = 20_000
ASK = "Ask a question"


@dataclass(frozen=True)
class Desk:
    address: str
    provider: OidcProvider


@pytest.fixture(scope="module")
def desk(stack: Stack) -> Iterator[Desk]:
    """A second dashboard on the same Local Azure, one that people sign in to."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with (
        OidcProvider() as provider,
        dashboard(stack.log.parent.parent, provider.environment(address), port=port, log_name="signin.log"),
    ):
        yield Desk(address, provider)


@pytest.fixture
def browser_of(chromium: Browser, desk: Desk) -> Iterator[Callable[[], BrowserContext]]:
    """Return another browser at each call: another person's, or the same person's elsewhere."""
    opened: list[BrowserContext] = []

    def another() -> BrowserContext:
        found = chromium.new_context(viewport={"width": 1280, "height": 900}, base_url=desk.address)
        found.set_default_timeout(TIMEOUT_MS)
        opened.append(found)
        return found

    desk.provider.people.clear()
    yield another
    for one in opened:
        one.close()


def sign_in(page: Page, name: str, place: str = "/") -> None:
    page.goto(place)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name=name).click()


@pytest.mark.parametrize("role", ["Viewer", "Operator", "Admin"])
def test_a_person_signs_in_and_may_what_their_role_allows(
    desk: Desk, browser_of: Callable[[], BrowserContext], role: str
) -> None:
    """What a role lacks is drawn dead and says which role it takes; the service holds to the same table."""
    desk.provider.add("Vera", f"Relaydeck.{role}")
    page = browser_of().new_page()
    sign_in(page, "Vera")
    expect(page.get_by_text(f"Vera · {role}")).to_be_visible(timeout=TIMEOUT_MS)
    typing = page.get_by_test_id("stChatInputTextArea")
    if role == "Viewer":
        expect(typing).to_be_disabled()
        expect(typing).to_have_attribute("placeholder", f"{ASK}. That takes the role Operator.")
    else:
        typing.fill(f"What is 40 + 2? Asked by an {role.lower()}.")
        typing.press("Enter")
        expect(page.get_by_text("42", exact=False).first).to_be_visible(timeout=TIMEOUT_MS)
    assert desk.provider.asked[-1]["code_challenge_method"] == "S256"


def test_nothing_is_drawn_before_somebody_has_signed_in(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    """Neither the menu nor the page of a deep link."""
    page = browser_of().new_page()
    page.goto("/overview")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
    expect(page.get_by_test_id("stMetric")).to_have_count(0)


def test_whoever_has_no_role_is_told_which_ones_to_ask_for(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    desk.provider.add("Norbert", "Something.Else")
    page = browser_of().new_page()
    sign_in(page, "Norbert")
    expect(page.get_by_text("You have no role here yet")).to_be_visible(timeout=TIMEOUT_MS)
    for role in ("Relaydeck.Viewer", "Relaydeck.Operator", "Relaydeck.Admin"):
        expect(page.get_by_text(role)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("This dashboard is for people")).to_be_visible(timeout=TIMEOUT_MS)


def test_an_account_of_another_organisation_is_not_let_in(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    """Even when the provider itself vouches for it."""
    desk.provider.add("Otto", "Relaydeck.Admin", tid=OTHER_TENANT)
    page = browser_of().new_page()
    sign_in(page, "Otto")
    expect(page.get_by_text("This account is of another organisation")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_sign_in_that_has_ended_asks_for_another_and_the_work_goes_on(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    """The next press finds the end; the one after the new sign-in works."""
    person = desk.provider.add("Erna", "Relaydeck.Operator", exp=int(time.time()) + 12)
    page = browser_of().new_page()
    sign_in(page, "Erna")
    expect(page.get_by_text("Erna · Operator")).to_be_visible(timeout=TIMEOUT_MS)
    page.wait_for_timeout(max(0.0, 1000 * (float(str(person.says["exp"])) + 0.2 - time.time())))
    page.get_by_role("button", name="New conversation").click()
    expect(page.get_by_text("Please sign in again")).to_be_visible(timeout=TIMEOUT_MS)
    person.says.clear()
    page.get_by_role("button", name="Sign in again").click()
    page.get_by_role("link", name="Erna").click()
    expect(page.get_by_text("Erna · Operator")).to_be_visible(timeout=TIMEOUT_MS)


def test_whoever_proved_too_long_ago_who_they_are_is_asked_for_the_password(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    """The provider would let them in again without a word, and we would refuse them again, for ever."""
    person = desk.provider.add("Paul", "Relaydeck.Viewer", auth_time=int(time.time()) - 30_000)
    page = browser_of().new_page()
    sign_in(page, "Paul")
    expect(page.get_by_text("It is too long ago")).to_be_visible(timeout=TIMEOUT_MS)
    person.says.clear()
    page.get_by_role("button", name="Sign in again").click()
    page.get_by_role("link", name="Paul").click()
    expect(page.get_by_text("Paul · Viewer")).to_be_visible(timeout=TIMEOUT_MS)
    assert desk.provider.asked[-1]["prompt"] == "login"


def test_signing_out_in_one_tab_ends_the_other(desk: Desk, browser_of: Callable[[], BrowserContext]) -> None:
    """Streamlit alone would leave it signed in for as long as it stays open."""
    desk.provider.add("Anna", "Relaydeck.Admin")
    browser = browser_of()
    first, second = browser.new_page(), browser.new_page()
    sign_in(first, "Anna")
    expect(first.get_by_text("Anna · Admin")).to_be_visible(timeout=TIMEOUT_MS)
    second.goto("/")
    expect(second.get_by_text("Anna · Admin")).to_be_visible(timeout=TIMEOUT_MS)
    first.get_by_role("button", name="Sign out").click()
    expect(first.get_by_text("This dashboard is for people")).to_be_visible(timeout=TIMEOUT_MS)
    second.get_by_role("button", name="New conversation").click()
    expect(second.get_by_text("You are signed out")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_role_that_was_taken_away_is_missed_by_the_next_write(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    """The page was drawn while she had it, and its button is alive; the service asks again when it is pressed."""
    person = desk.provider.add("Olga", "Relaydeck.Operator")
    page, elsewhere = browser_of().new_page(), browser_of().new_page()
    sign_in(page, "Olga")
    expect(page.get_by_text("Olga · Operator")).to_be_visible(timeout=TIMEOUT_MS)
    person.roles[:] = ["Relaydeck.Viewer"]
    time.sleep(1)  # tokens tell their time in seconds, and which one is newer decides
    sign_in(elsewhere, "Olga")
    expect(elsewhere.get_by_text("Olga · Viewer")).to_be_visible(timeout=TIMEOUT_MS)
    typing = page.get_by_test_id("stChatInputTextArea")
    typing.fill("What is 40 + 3?")
    typing.press("Enter")
    expect(page.get_by_text("that takes the role Operator")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("Olga · Viewer")).to_be_visible(timeout=TIMEOUT_MS)


def test_a_provider_that_is_away_is_said_in_words(
    desk: Desk, browser_of: Callable[[], BrowserContext]
) -> None:
    page = browser_of().new_page()
    page.goto("/")
    desk.provider.away = True
    try:
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("Signing in is not possible now")).to_be_visible(timeout=TIMEOUT_MS)
    finally:
        desk.provider.away = False
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=TIMEOUT_MS)
