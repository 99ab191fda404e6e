"""Copies of one call that are delivered together: one works, the others repeat what it answered."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.waiting import wait_for
from tools.envelope import Question
from tools.results import Results

QUESTION = Question("call_1", {"expression": "6 * 7"})
OTHER = Question("call_2", {"expression": "6 * 7"})


def test_two_threads_never_work_on_the_same_question(tmp_path: Path) -> None:
    """The second comes while the first is at work; it finds the value when its turn has come."""
    results, worked = Results(tmp_path), list[str]()
    both = threading.Barrier(2)

    def work(name: str) -> str:
        both.wait()
        with results.alone("calculate", QUESTION):
            if (known := results.get("calculate", QUESTION)) is not None:
                return known
            worked.append(name)
            return results.keep("calculate", QUESTION, "42")

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ("first", "second"))) == ["42", "42"]
    assert len(worked) == 1
    results.close()


def test_another_question_does_not_wait(tmp_path: Path) -> None:
    results = Results(tmp_path)
    with ThreadPoolExecutor(1) as pool, results.alone("calculate", QUESTION):
        assert pool.submit(_enter, results, OTHER).result(5) == "entered"
    results.close()


@pytest.mark.skipif(sys.platform == "win32", reason="one process serves the app there")
def test_another_worker_waits_until_the_first_is_done_or_dead(tmp_path: Path) -> None:
    """A worker that is killed at work lets go: nobody waits for the dead."""
    script = (
        "import sys, time; from pathlib import Path; from tools.envelope import Question; from tools.results import Results\n"
        f"results = Results(Path({str(tmp_path)!r}))\n"
        "with results.alone('calculate', Question('call_1', {'expression': '6 * 7'})):\n"
        "    print('at work', flush=True); time.sleep(60)\n"
    )
    functions = Path(__file__).parents[2] / "functions"
    results = Results(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=functions, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "at work\n"
        with ThreadPoolExecutor(1) as pool:
            entering = pool.submit(_enter, results, QUESTION)
            with pytest.raises(TimeoutError):
                entering.result(0.3)
            other.kill()
            wait_for(entering.done)
            assert entering.result() == "entered"
    results.close()


def _enter(results: Results, question: Question) -> str:
    with results.alone("calculate", question):
        return "entered"
