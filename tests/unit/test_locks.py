"""What is installed is what was locked: every file, on every system, by its hash."""

import ast
import re
from importlib import metadata
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
LOCKED_FROM = {
    "requirements.txt": "requirements.in",
    "requirements-dev.txt": "requirements-dev.in",
    "requirements-uv.txt": "requirements-uv.in",
    "functions/requirements.txt": "functions/requirements.in",
}
LOCKS = [*LOCKED_FROM, "requirements-conformance.txt"]
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")
SYSTEMS = {
    "linux": {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    "macos": {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    "windows": {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
}
PLACES = [
    pytest.param(
        {"python_version": version, "python_full_version": f"{version}.7", **system}, id=f"{version}-{name}"
    )
    for version in ("3.11", "3.12", "3.13")
    for name, system in SYSTEMS.items()
]


def entries(lock: str) -> list[tuple[Requirement, list[str]]]:
    """Return the requirements of *lock* with their hashes."""
    text = re.sub(r"#.*", "", (ROOT / lock).read_text()).replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if line.strip()]
    return [
        (
            Requirement(" ".join(word for word in words if not word.startswith("--"))),
            [word for word in words if word.startswith("--")],
        )
        for words in lines
    ]


def environment_of(place: dict[str, str]) -> dict[str, str]:
    return {**{name: str(value) for name, value in default_environment().items()}, **place}


def declared(source: str) -> list[Requirement]:
    lines = [re.sub(r"\s+#.*|^#.*", "", line).strip() for line in (ROOT / source).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("-")]


def versions(lock: str, place: dict[str, str]) -> dict[str, str]:
    """Return the version of every package that *lock* means in *place*."""
    environment = environment_of(place)
    found: dict[str, str] = {}
    for requirement, _ in entries(lock):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            (pin,) = requirement.specifier
            assert canonicalize_name(requirement.name) not in found, f"{requirement.name} twice in {lock}"
            found[canonicalize_name(requirement.name)] = pin.version
    return found


@pytest.mark.parametrize("lock", LOCKS)
def test_every_package_is_one_version_known_by_its_hashes(lock: str) -> None:
    """One without a hash switches the check off for nobody: pip and uv then refuse the whole file. Found here first."""
    found = entries(lock)

    assert found
    for requirement, hashes in found:
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], requirement
        assert requirement.url is None and hashes and all(map(HASH.fullmatch, hashes)), requirement


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_says_what_not_where_from(lock: str) -> None:
    """Addresses and index options would send everybody to the index of whoever locked it."""
    text = (ROOT / lock).read_text()

    assert "://" not in text and not re.search(r"^\s*(--(extra-)?index-url|--find-links|-i|-f)\b", text, re.M)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("lock", LOCKED_FROM)
def test_a_lock_holds_what_its_source_asks_for_on_every_system(lock: str, place: dict[str, str]) -> None:
    """A source that was edited and not compiled again, or compiled for one system only."""
    locked = versions(lock, place)
    environment = environment_of(place)

    for requirement in declared(LOCKED_FROM[lock]):
        if requirement.marker is None or requirement.marker.evaluate(environment):
            version = locked.get(canonicalize_name(requirement.name))
            assert version and requirement.specifier.contains(version, prereleases=True), requirement


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("lock", ["requirements-dev.txt", "functions/requirements.txt"])
def test_locks_that_are_used_together_agree(lock: str, place: dict[str, str]) -> None:
    """Tests run the functions on the versions that are published, but for azure-functions on Python 3.13."""
    application, other = versions("requirements.txt", place), versions(lock, place)
    different = {name for name in application.keys() & other.keys() if application[name] != other[name]}

    assert different <= ({"azure-functions"} if place["python_version"] == "3.13" else set())


def test_what_the_installed_packages_need_is_locked_too() -> None:
    """A lock that lacks what a package needs lets the installer take any version of it."""
    locked = {**versions("requirements.txt", {}), **versions("requirements-dev.txt", {})}
    missing = set()
    for name in locked:
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for need in map(Requirement, needs):
            wanted = need.marker is None or need.marker.evaluate({"extra": ""})
            if wanted and canonicalize_name(need.name) not in locked:
                missing.add(f"{need.name} (for {name})")

    assert missing == set()


def test_everything_that_installs_demands_the_hashes() -> None:
    """run.py for the application and the tests, by uv or by pip, and the engine that the tests put beside them."""
    commands = []
    for file in ("run.py", "commands/test.py"):
        for node in ast.walk(ast.parse((ROOT / file).read_text())):
            if isinstance(node, ast.List | ast.Tuple):
                words = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
                if "install" in words and "-q" in words and "apt-get" not in words:
                    commands.append(words)

    assert len(commands) >= 4
    assert all("--require-hashes" in words for words in commands)
