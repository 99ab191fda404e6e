"""State files: a damaged one is moved aside, never deleted, and work goes on in an empty one."""

import sqlite3
from pathlib import Path

import pytest

from emulator.clock import Clock
from emulator.database import open_database, set_aside

SCHEMA = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)"


def fill(path: Path) -> None:
    connection = open_database(path, SCHEMA, Clock())
    connection.executemany("INSERT INTO things VALUES (?)", [(f"thing {number}",) for number in range(2000)])
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_what_was_written_is_there_after_reopening(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    fill(path)

    connection = open_database(path, SCHEMA, Clock())

    assert connection.execute("SELECT count(*) FROM things").fetchone() == (2000,)
    connection.close()


@pytest.mark.parametrize("keep", [0.5, 0.01], ids=["half", "header-only"])
def test_a_truncated_file_is_set_aside_and_kept(tmp_path: Path, keep: float) -> None:
    """Somebody may still want to look at what is left of it."""
    path = tmp_path / "state.sqlite"
    fill(path)
    whole = path.read_bytes()
    rest = whole[: int(len(whole) * keep)]
    path.write_bytes(rest)

    connection = open_database(path, SCHEMA, Clock())

    assert connection.execute("SELECT count(*) FROM things").fetchone() == (0,)
    (moved,) = set_aside(path)
    assert (tmp_path / moved).read_bytes() == rest
    connection.close()


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    path.write_text("not a database, " * 200)

    open_database(path, SCHEMA, Clock()).close()

    assert len(set_aside(path)) == 1


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """Starting without a place for the state would lose everything at the next stop."""
    (tmp_path / "file").write_text("in the way")

    with pytest.raises((OSError, sqlite3.Error)):
        open_database(tmp_path / "file" / "state.sqlite", SCHEMA, Clock())
