"""The watchdog of calls: each thread's call keeps its own connection."""

import threading
import time
from types import SimpleNamespace

import pytest

from services.resilience import watchdog
from services.resilience.watchdog import Watchdog, line_in_use, line_taken


class NamedLine:
    def __init__(self, name: str) -> None:
        self.name = name

    def cut(self) -> None: ...

    def limit_silence(self, seconds: float) -> None: ...


def test_a_call_never_sees_the_connection_of_another_thread() -> None:
    """Stopping one answer must cut its own stream, not the call that another thread happens to make."""
    dog, met = Watchdog(), threading.Barrier(2)
    seen: dict[str, str] = {}

    def call(name: str) -> None:
        with dog.watch(10):
            line_taken(NamedLine(name))
            met.wait(5)  # now both are inside their calls
            line = line_in_use()
            assert isinstance(line, NamedLine)
            seen[name] = line.name
            met.wait(5)

    threads = [threading.Thread(target=call, args=[name]) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    dog.stop()

    assert seen == {"a": "a", "b": "b"}


def test_it_can_be_stopped_while_a_first_call_starts_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the process ends with the first question: closing must go on to what is left to be closed."""
    dog, starting = Watchdog(), threading.Event()

    class SlowToStart(threading.Thread):
        def start(self) -> None:
            starting.set()
            time.sleep(0.3)  # for longer than it takes to come to the join
            super().start()

    def call() -> None:
        with dog.watch(10):
            pass

    monkeypatch.setattr(
        watchdog,
        "threading",
        SimpleNamespace(
            Thread=SlowToStart, local=threading.local, Event=threading.Event, Lock=threading.Lock
        ),
    )
    first = threading.Thread(target=call)
    first.start()
    assert starting.wait(5)
    dog.stop()
    first.join(5)

    assert not [one for one in threading.enumerate() if isinstance(one, SlowToStart)]
