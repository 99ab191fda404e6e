"""What `run.py chaos tabs` proves, in short: one tab reloads, one is closed, one loses its connection."""

import sys

import pytest

from chaos import tabs


@pytest.mark.skipif(sys.platform == "win32", reason="the dashboard is a process steered as on POSIX")
def test_an_answer_is_found_again_by_its_address_however_its_tab_went() -> None:
    found, twice = tabs.run(3, seed=2)

    assert (found.value, found.met) == (3, True), dict(found.detail)
    assert found.detail["left_in_mid_answer"], "every tab stayed until the end: nothing was proven"
    assert twice.met
