"""An ordered tool on several hosts at once: real processes, real queues, deliveries in any order and more than once."""

import random
from collections import Counter
from pathlib import Path

import pytest

from emulator.server import Emulator
from tests.functions.hosting import Queues, eventually
from tests.functions.ordering import INPUT, OUTPUT, Desk


@pytest.fixture
def desk(tmp_path: Path, emulator: Emulator, queues: Queues) -> Desk:
    for name in (INPUT, OUTPUT):
        queues.service.create_queue(name)
    return Desk(tmp_path, emulator, queues)


def test_three_hosts_work_a_conversation_off_in_order_however_it_arrives(desk: Desk) -> None:
    """Each call is in the queue twice, all of them shuffled: one effect each, in order, none beside another."""
    calls = [(key, number) for key in ("red", "green", "blue", "grey") for number in range(1, 7)] * 2
    random.Random(5).shuffle(calls)  # noqa: S311 - a fixed shuffle
    for key, number in calls:
        desk.send(key, number)

    with desk.hosts(3):
        desk.await_done()

    assert desk.effects() == {key: [1, 2, 3, 4, 5, 6] for key in ("red", "green", "blue", "grey")}
    for key in desk.effects():
        words = [word for word, whose, _ in desk.journal if whose == key]
        assert words == ["began", "ended"] * 6, "no two calls of a conversation at once"
    answered: Counter[str] = Counter()
    while found := desk.answers():
        for correlation, values in found.items():
            assert set(values) == {correlation.replace("-", " ")}
            answered[correlation] += len(values)
    assert answered == {f"{key}-{number}": 2 for key, number in set(calls)}
