"""verify(): any record that is not as it was written is found, and the right one is named."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chaos.audit import head_of, mutated
from services.audit.keys import GENESIS, Keys
from services.audit.record import Draft, Record, chained, digest, read_document, read_row
from services.audit.verify import Exported, Verdict, verify

KEYS = Keys(["a key that only tests know"])
STRANGER = Keys(["a key that nobody here knows"])
BEGAN = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
PLACE = {"environment": "local", "instance": "here", "version": "1"}


def chain(length: int, keys: Keys = KEYS, name: str = "aud_1", *, uploaded: bool = True) -> list[Record]:
    made: list[Record] = []
    for seq in range(length):
        at = BEGAN + timedelta(seconds=seq)
        kind = "epoch" if not seq else "intent" if seq % 2 else "result"
        draft = Draft(kind, f"act_{(seq + 1) // 2}", at, "delete agent", target=f"asst_{seq}", actor="ann")  # type: ignore[arg-type]  # one of the literals
        prev = made[-1].hash if made else GENESIS
        link = keys.sign(chained(draft, chain=name, seq=seq, prev=prev, key_id=keys.id, place=PLACE))
        made.append(keys.deliver(link, at) if uploaded else link)
    return made


def first_bad(records: Sequence[Record], heads: Sequence[Exported] = ()) -> tuple[int, str] | None:
    fault = verify(records, KEYS, heads).fault
    return None if fault is None else (fault.seq, fault.why)


def test_a_chain_as_it_was_written_is_valid() -> None:
    records = chain(9)
    found = verify(records, KEYS, [head_of(records)])

    assert found.is_valid
    assert (found.records, found.chains[0].last, found.chains[0].head) == (9, 8, records[-1].hash)


@pytest.mark.parametrize(
    ("records", "expected"),
    [
        pytest.param(lambda r: [*r[:3], replace(r[3], target="asst_x"), *r[4:]], (3, "changed"), id="edited"),
        pytest.param(lambda r: [*r[:3], *r[4:]], (3, "missing"), id="deleted"),
        pytest.param(lambda r: r[1:], (0, "missing"), id="first-deleted"),
        pytest.param(lambda r: [*r[:3], r[4], r[3], *r[5:]], (3, "moved"), id="reordered"),
        pytest.param(lambda r: [*r[:4], r[3], *r[4:]], (3, "inserted"), id="copied"),
        pytest.param(lambda r: [*r[:2], r[6], *r[2:]], (6, "inserted"), id="copied-to-the-front"),
        pytest.param(lambda r: [*r[:4], replace(r[3], actor="bob"), *r[4:]], (3, "inserted"), id="forged"),
        pytest.param(lambda r: r[:6], (6, "truncated"), id="end-cut-off"),
        pytest.param(lambda _: [], (0, "truncated"), id="chain-deleted"),
        pytest.param(lambda r: [*r[:3], replace(r[3], seq=70), *r[4:]], (3, "changed"), id="renumbered"),
        pytest.param(
            lambda r: [*r[:3], replace(r[3], generated=r[3].generated + timedelta(days=9)), *r[4:]],
            (3, "changed"),
            id="redated",
        ),
        pytest.param(lambda r: [*r[:3], read_document({"seq": "?"}), *r[4:]], (3, "missing"), id="wiped"),
    ],
)
def test_the_first_bad_record_is_named(records: "object", expected: tuple[int, str]) -> None:
    whole = chain(9)
    assert callable(records)

    assert first_bad(records(whole), [head_of(whole)]) == expected


def test_every_mutation_of_one_record_is_found_and_blamed_on_it() -> None:
    """A short run of what `run.py chaos` does a thousand times."""
    found = mutated(chain(60), KEYS, 150, seed=random.Random(1).randrange(10**6))

    assert found.met, found.detail


def test_without_an_exported_head_a_cut_end_cannot_be_seen() -> None:
    """Said in the documentation: it is why heads are exported."""
    assert first_bad(chain(9)[:6]) is None


def test_what_relaydeck_itself_delivered_twice_is_no_fault() -> None:
    """The reply to an upload may get lost; the record is then uploaded again, with a seal of its own."""
    records = chain(5)
    again = KEYS.deliver(records[2], BEGAN)

    found = verify([*records[:3], again, *records[3:]], KEYS)

    assert found.is_valid
    assert found.chains[0].notes == ("1 records were delivered again, by Relaydeck itself",)


def test_a_delivery_that_somebody_made_up_is_a_fault() -> None:
    records = chain(5)
    forged = replace(records[2], delivery="0" * 16)

    assert first_bad([*records[:3], forged, *records[3:]]) == (2, "inserted")


def test_a_chain_that_was_rewritten_with_another_key_is_not_called_valid() -> None:
    found = verify(chain(4, STRANGER), KEYS)

    assert not found.is_valid
    assert "4 records were signed with a key that is not" in found.unknown


def test_a_chain_that_was_rewritten_by_somebody_who_has_the_key_breaks_at_the_exported_head() -> None:
    """What is stolen with the key shows by what was told elsewhere before."""
    told = head_of(chain(5))
    rewritten = chain(9)

    assert first_bad(rewritten, [replace(told, hash="f" * 64)]) == (4, "changed")


def test_each_chain_is_judged_by_itself() -> None:
    one, other = chain(5), chain(5, name="aud_2")

    found = verify([*one, *other[:2], *other[3:]], KEYS)

    assert [(each.chain, each.fault is None) for each in found.chains] == [("aud_1", True), ("aud_2", False)]
    assert found.fault is not None
    assert found.fault.chain == "aud_2"


def test_a_range_may_begin_in_the_middle_of_a_chain() -> None:
    found = verify(chain(9)[4:], KEYS, whole=False)

    assert found.is_valid
    assert "begins at record 4" in found.chains[0].notes[0]


def test_what_is_still_on_its_way_into_the_table_is_no_fault_yet() -> None:
    """Log Analytics shows a record minutes after it was taken; the same gap is a fault once it had the time."""
    records = chain(9)
    head = head_of(records)

    def at(later: timedelta) -> Verdict:
        return verify(records[:6], KEYS, [head], now=head.at + later)

    assert at(timedelta(minutes=1)).is_valid
    assert at(timedelta(minutes=1)).chains[0].notes == ("records up to 8 may still be arriving",)
    assert not at(timedelta(minutes=11)).is_valid


def test_what_the_table_keeps_no_longer_is_no_fault_but_a_younger_gap_is() -> None:
    """A chain lives longer than the retention of its table."""
    keeps, records = timedelta(days=30), chain(9)

    later = verify(records[4:], KEYS, [head_of(records)], now=BEGAN + timedelta(days=31), keeps=keeps)
    sooner = verify(records[4:], KEYS, [head_of(records)], now=BEGAN + timedelta(days=29), keeps=keeps)

    assert later.is_valid
    assert sooner.fault is not None
    assert (sooner.fault.seq, sooner.fault.why) == (0, "missing")


def test_actions_without_a_result_are_counted() -> None:
    assert verify(chain(4), KEYS).chains[0].open == 1


def test_an_old_key_still_verifies_what_it_signed() -> None:
    """A key is changed by putting the new one before it."""
    assert verify(chain(4), Keys(["the key that came after", "a key that only tests know"])).is_valid


def test_a_record_written_late_carries_the_time_that_the_table_will_give_it() -> None:
    """Log Analytics replaces times older than two days; the seal would not fit any more."""
    (record,) = chain(1, uploaded=False)
    late = KEYS.deliver(record, BEGAN + timedelta(days=3))

    assert late.generated == BEGAN + timedelta(days=3)
    assert late.row()["TimeGenerated"] == "2026-11-29T08:00:00.000Z"
    assert read_row(late.row() | {"TimeGenerated": late.generated}) == late


def test_a_digest_does_not_depend_on_the_order_of_keys() -> None:
    assert digest({"a": 1, "b": [2]}) == digest({"b": [2], "a": 1})
    assert digest(None) == ""
