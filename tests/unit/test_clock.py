"""The emulator's clock: tests move hours in no time, and nothing that waits is forgotten."""

import asyncio

import pytest

from emulator.clock import Clock


def test_advancing_wakes_exactly_those_whose_time_has_come() -> None:
    """A run that expires in ten minutes must expire the moment a test lets ten minutes pass; one due later must not."""

    async def scenario() -> tuple[bool, bool]:
        clock = Clock()
        soon = asyncio.ensure_future(clock.sleep(600))
        later = asyncio.ensure_future(clock.sleep(601))
        await asyncio.sleep(0)
        clock.advance(600.5)
        await asyncio.wait({soon}, timeout=1)
        ended = soon.done(), later.done()
        later.cancel()
        return ended

    assert asyncio.run(scenario()) == (True, False)


def test_a_wait_that_is_due_returns_at_once() -> None:
    clock = Clock()

    asyncio.run(asyncio.wait_for(clock.sleep_until(clock.now_s() - 1), 1))


def test_time_cannot_run_backwards() -> None:
    """Expiry, visibility and retention all rest on a clock that only grows."""
    with pytest.raises(ValueError, match="forward"):
        Clock().advance(-1)


def test_both_readings_name_the_same_instant() -> None:
    clock = Clock()
    clock.advance(3600)

    assert clock.now().timestamp() == pytest.approx(clock.now_s(), abs=1)
    assert clock.now().tzinfo is not None
