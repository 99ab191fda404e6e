"""Fixtures of the queue contract. One suite, two servers: our own service and, with --azurite, Azurite.

queue_target   the server under test, a QueueTarget; a test that uses it (or one of the next two) runs on both
queue_service  a QueueServiceClient of that server, signed with the account's key
queue          a QueueClient of a fresh, empty queue there
local_target   a QueueTarget of ours alone, for what Azurite lacks or does differently
local_target_queue  a fresh QueueClient there
own_lab, ward, blind  a Local Azure whose clock nobody moves, and diagnosis on it, with and without a workspace
connect        connect(target, credential, *, plain, secondary_hostname) -> QueueServiceClient, closed when the test ends
"""

import contextlib
import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote
from uuid import uuid4

import pytest
from azure.core.credentials import AccessToken, AzureSasCredential, TokenCredential
from azure.core.exceptions import HttpResponseError
from azure.storage.queue import (
    QueueClient,
    QueueServiceClient,
    generate_account_sas,
)

from emulator.certificates import ensure_certificates
from emulator.clock import Clock
from emulator.server import ACCOUNT_NAME, Emulator, EmulatorSettings
from emulator.tokens import Tokens
from tests.azurite import azurite as azurite_runner

if TYPE_CHECKING:  # the SDKs take long to import, and most tests need none
    from tests.contract.agents_support import Lab
    from tests.contract.diagnosis_support import Ward
if TYPE_CHECKING:
    from tests.contract.agents_support import Lab
    from tests.contract.backup_support import Place

STORAGE_AUDIENCE = "https://storage.azure.com"
# One test's failures do not shut out the next.
PATIENT: dict[str, Any] = {"breaker_failure_share": "1", "breaker_min_calls": "20"}


@dataclass(frozen=True, slots=True)
class RawReply:
    """An HTTP response as it came. Header names are lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class QueueTarget:
    """A server under test. *http_url*: its plain-http address, '' when it has none.

    *now()*: its time. *pass_time(seconds)*: lets time pass there. *issue_token(audience, lifetime_s)*: a bearer token for it.
    """

    name: str
    url: str
    http_url: str
    account: str
    key: str = field(repr=False)
    ca_file: Path
    now: Callable[[], datetime]
    pass_time: Callable[[float], None]
    issue_token: Callable[[str, float], str]

    def account_sas(self, permission: str = "rwdlacup", types: str = "sco", services: str = "q") -> str:
        """Return an account SAS that is valid for an hour."""
        return generate_account_sas(
            self.account,
            self.key,
            types,
            permission,
            self.now() + timedelta(hours=1),
            services=services,
        )

    def raw(
        self,
        method: str,
        path: str,
        query: str = "",
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        *,
        signed: bool = True,
        plain: bool = False,
    ) -> RawReply:
        """Return the response to a request that no SDK would send. *signed*: with an account SAS.

        *plain*: over http.
        """
        parts = [query] if query else []
        if signed:
            parts.append(self.account_sas())
        address = f"{self.http_url if plain else self.url}/{quote(path)}?{'&'.join(parts)}"
        request = urllib.request.Request(address, body, headers or {}, method=method)
        tls = None if plain else ssl.create_default_context(cafile=str(self.ca_file))
        try:
            with urllib.request.urlopen(request, timeout=10, context=tls) as reply:
                return _read(reply.status, reply)
        except urllib.error.HTTPError as error:
            with error:
                return _read(error.code, error)


class Connect(Protocol):
    def __call__(
        self,
        target: QueueTarget,
        credential: object = None,
        *,
        plain: bool = False,
        secondary_hostname: str | None = None,
    ) -> QueueServiceClient: ...


class StaticToken:
    """A TokenCredential that always gives the same token."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        return AccessToken(self._token, int(time.time()) + 3600)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "queue_target" in metafunc.fixturenames:
        servers = [pytest.param("local", id="local")]
        if metafunc.config.getoption("--azurite"):
            servers.append(pytest.param("azurite", id="azurite", marks=pytest.mark.azurite))
        metafunc.parametrize("queue_target", servers, indirect=True)


@pytest.fixture
def local_target(emulator: Emulator) -> QueueTarget:
    return QueueTarget(
        name="local",
        url=emulator.storage_endpoint,
        http_url=f"{emulator.http_url}/{ACCOUNT_NAME}",
        account=ACCOUNT_NAME,
        key=emulator.account_key,
        ca_file=emulator.ca_file,
        now=emulator.clock.now,
        pass_time=emulator.advance,
        issue_token=lambda audience, lifetime_s: emulator.call(
            lambda: emulator.tokens.issue(audience, lifetime_s)[0]
        ),
    )


@pytest.fixture(scope="session")
def azurite_target(
    shared_emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[QueueTarget]:
    """Azurite over https with a certificate of our own authority, so that bearer tokens work there too."""
    folder = tmp_path_factory.mktemp("azurite")
    found = ensure_certificates(folder / "tls", Clock())
    tls = azurite_runner.Tls(found.leaf, found.leaf_key)
    tokens = Tokens("azurite does not check signatures", Clock())
    with azurite_runner.running(folder, ACCOUNT_NAME, shared_emulator.account_key, tls) as azurite:
        yield QueueTarget(
            name="azurite",
            url=azurite.url,
            http_url="",
            account=ACCOUNT_NAME,
            key=shared_emulator.account_key,
            ca_file=found.ca,
            now=lambda: datetime.now(UTC),
            pass_time=time.sleep,  # it knows real time only
            issue_token=lambda audience, lifetime_s: tokens.issue(audience, lifetime_s)[0],
        )


@pytest.fixture
def queue_target(request: pytest.FixtureRequest) -> QueueTarget:
    wanted = {"local": "local_target", "azurite": "azurite_target"}[request.param]
    target = request.getfixturevalue(wanted)
    assert isinstance(target, QueueTarget)
    return target


@pytest.fixture
def connect() -> Iterator[Connect]:
    with contextlib.ExitStack() as open_clients:

        def connect(
            target: QueueTarget,
            credential: object = None,
            *,
            plain: bool = False,
            secondary_hostname: str | None = None,
        ) -> QueueServiceClient:
            if credential is None:
                credential = {"account_name": target.account, "account_key": target.key}
            client = QueueServiceClient(
                target.http_url if plain else target.url,
                credential,  # type: ignore[arg-type]  # whatever kind the test wants
                connection_verify=str(target.ca_file),
                retry_total=0,
                secondary_hostname=secondary_hostname,
            )
            open_clients.callback(client.close)
            return client

        yield connect


@pytest.fixture
def queue_service(queue_target: QueueTarget, connect: Connect) -> QueueServiceClient:
    return connect(queue_target)


@pytest.fixture
def queue(queue_service: QueueServiceClient) -> Iterator[QueueClient]:
    fresh = queue_service.create_queue(new_name())
    yield fresh
    queue_service.delete_queue(fresh.queue_name)


@pytest.fixture
def local_target_queue(local_target: QueueTarget, connect: Connect) -> QueueClient:
    """A fresh, empty queue of ours alone."""
    return connect(local_target).create_queue(new_name())


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Lab]":
    """A Local Azure whose clock nobody moves: a function app tells its log by the real time."""
    from tests.contract.agents_support import ScriptedModel, open_lab

    model = ScriptedModel()
    settings = EmulatorSettings(state=tmp_path_factory.mktemp("ward"))
    with Emulator(settings, model=model) as emulator, open_lab(emulator, model) as lab:
        yield lab


@pytest.fixture(scope="module")
def seeing(own_lab: "Lab") -> "Iterator[Ward]":
    from tests.contract.diagnosis_support import open_ward

    with open_ward(own_lab, **PATIENT) as ward:
        ward.service.patience(())  # the first query is slow
        yield ward


@pytest.fixture(scope="module")
def unseeing(own_lab: "Lab") -> "Iterator[Ward]":
    from tests.contract.diagnosis_support import open_ward

    with open_ward(own_lab, workspace=False, **PATIENT) as ward:
        yield ward


@pytest.fixture
def ward(seeing: "Ward") -> "Iterator[Ward]":
    """Diagnosis with a workspace, on a Local Azure that is empty."""
    seeing.begin_anew()
    yield seeing
    assert seeing.lab.emulator.unspent_faults() == []


@pytest.fixture
def blind(unseeing: "Ward") -> "Iterator[Ward]":
    """The same without a workspace."""
    unseeing.begin_anew()
    yield unseeing
    assert unseeing.lab.emulator.unspent_faults() == []


def new_name(prefix: str = "contract") -> str:
    """Return a queue name that no other test uses; Azurite is not emptied between tests."""
    return f"{prefix}-{uuid4().hex[:12]}"


def bearer(token: str) -> TokenCredential:
    return StaticToken(token)


def sas(token: str) -> AzureSasCredential:
    return AzureSasCredential(token)


def _read(status: int, reply: http.client.HTTPResponse | urllib.error.HTTPError) -> RawReply:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return RawReply(status, headers, reply.read())


def error_code(error: HttpResponseError) -> str:
    """Return the code of Azure's error body, which the SDK puts on its exceptions."""
    code = error.error_code  # type: ignore[attr-defined]  # set by the storage SDK
    return str(getattr(code, "value", code))


# Two projects, for back-up and restore ------------------------------------------------------------------


@pytest.fixture(scope="session")
def other_lab(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Lab]":
    from tests.contract.agents_support import ScriptedModel, open_lab

    model = ScriptedModel()
    settings = EmulatorSettings(state=tmp_path_factory.mktemp("other-lab"))
    with Emulator(settings, model=model) as emulator, open_lab(emulator, model) as lab:
        yield lab


@pytest.fixture
def old(lab: "Lab") -> "Iterator[Place]":
    """The project that a back-up is made of."""
    from tests.contract.backup_support import open_place

    with open_place(lab) as place:
        yield place


@pytest.fixture
def new(other_lab: "Lab") -> "Iterator[Place]":
    """Another project, empty, on a Local Azure of its own, which gives other ids."""
    from tests.contract.backup_support import open_place

    other_lab.emulator.reset(seed=2)
    other_lab.model.reset()
    with open_place(other_lab) as place:
        yield place
    assert other_lab.emulator.unspent_faults() == []
