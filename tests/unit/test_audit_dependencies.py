"""What the audit of the locked packages says: known weaknesses, exceptions with an end, and no all-clear without data."""

import json
from datetime import date
from pathlib import Path

import pytest

from commands.audit_dependencies import (
    EXCEPTIONS,
    Exemption,
    Findings,
    Weakness,
    judge,
    main,
    read_exceptions,
    read_report,
)
from emulator.supervisor import ROOT

TODAY = date(2026, 11, 26)
FOUND = Weakness("jinja2", "3.1.6", frozenset({"GHSA-1", "CVE-2026-1"}), ("3.1.7",))
REPORT = {
    "dependencies": [
        {"name": "orjson", "version": "3.13.0", "vulns": []},
        {
            "name": "jinja2",
            "version": "3.1.6",
            "vulns": [
                {"id": "GHSA-1", "aliases": ["CVE-2026-1"], "fix_versions": ["3.1.7"], "description": "…"}
            ],
        },
        {"name": "private", "skip_reason": "Dependency not found on PyPI and could not be audited"},
    ],
    "fixes": [],
}


def excepted(until: date, identifier: str = "CVE-2026-1", package: str = "jinja2") -> Exemption:
    return Exemption(package, identifier, "No template comes from outside.", until)


def test_the_report_of_pip_audit_is_read_with_what_it_could_not_tell() -> None:
    """A package without data counts as unknown, never as sound."""
    assert read_report(json.dumps(REPORT)) == Findings((FOUND,), 2, ("private",))


def test_a_known_weakness_fails_and_says_where_it_is_fixed() -> None:
    lines, bad = judge(Findings((FOUND,), 2, ("private",)), [], TODAY)

    assert bad == [FOUND]
    assert lines == [
        "KNOWN WEAKNESS  jinja2 3.1.6: CVE-2026-1, GHSA-1 (fixed in 3.1.7).",
        "not audited, no data: private",
        "2 packages audited, 1 known weaknesses that are not excepted",
    ]


@pytest.mark.parametrize(
    ("until", "covered"), [(TODAY, True), (date(2026, 11, 25), False)], ids=["last-day", "day-after"]
)
def test_an_exception_holds_up_to_its_day(until: date, covered: bool) -> None:
    """Then the weakness counts again, by itself: somebody has to look once more."""
    lines, bad = judge(Findings((FOUND,), 1), [excepted(until)], TODAY)

    assert bad == ([] if covered else [FOUND])
    assert ("No template comes from outside." in lines[0]) is covered
    assert covered or "Its exception ended on 2026-11-25." in lines[0]


def test_an_exception_covers_its_own_package_only_and_is_named_once_it_is_not_needed() -> None:
    others = [excepted(TODAY, package="markupsafe"), excepted(TODAY, "GHSA-9")]

    lines, bad = judge(Findings((FOUND,), 1), others, TODAY)

    assert bad == [FOUND]
    assert [line for line in lines if line.startswith("not needed")] == [
        "not needed any more: the exception CVE-2026-1 of markupsafe",
        "not needed any more: the exception GHSA-9 of jinja2",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            '[[exception]]\npackage = "a"\nid = "X"\nsince = 2026-11-26\nuntil = 2026-12-01\n',
            "without reason",
        ),
        ('[[exception]]\npackage = "a"\nid = "X"\nreason = "r"\nsince = 2026-11-26\n', "since and until"),
        (
            '[[exception]]\npackage = "a"\nid = "X"\nreason = "r"\nsince = 2026-11-26\nuntil = 2030-01-01\n',
            "180 days",
        ),
        ("[ignore]\n", "knows"),
    ],
    ids=["no-reason", "no-end", "for-ever", "another-section"],
)
def test_an_exception_without_reason_or_end_is_none(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / EXCEPTIONS
    file.write_text(text)

    with pytest.raises(ValueError, match=words):
        read_exceptions(file)


def test_the_exceptions_of_this_repository_are_in_order() -> None:
    assert isinstance(read_exceptions(ROOT / EXCEPTIONS), list)


def test_without_its_data_source_it_says_that_it_skipped_and_fails_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a train, and in a CI without the internet: no failure, and no all-clear either."""
    pytest.importorskip("pip_audit", reason="pip-audit comes with requirements-dev.txt")
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("PIP_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))

    code = main([])

    assert code == 0
    assert capsys.readouterr().out.startswith(
        "skipped: no data. The data source of pip-audit cannot be reached"
    )
