"""The monitor's writer outlives those who wait for it."""

from pathlib import Path

from emulator.clock import Clock
from emulator.monitor.store import Store


def test_a_request_that_was_dropped_does_not_stop_the_writer(tmp_path: Path) -> None:
    """A client that hangs up cancels its future; the telemetry of everyone after it must still be saved."""
    store = Store(tmp_path / "monitor.duckdb", Clock(), retention_s=86_400)
    dropped_write = store.write(lambda: ({}, "unheard"))
    dropped_task = store.run(lambda _: None)
    broken_write = store.write(lambda: 1 / 0)  # type: ignore[arg-type, return-value]  # fails on purpose
    for future in (dropped_write, dropped_task, broken_write):
        assert future.cancel()

    store.open()
    try:
        assert store.write(lambda: ({}, "heard")).result(timeout=30) == "heard"
        assert store.run(lambda _: "told").result(timeout=30) == "told"
    finally:
        store.close()
