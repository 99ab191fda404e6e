"""Defects by the hundred: each key of the Bicep misspelt, each property lost, one by one.

python -m tests.infra.sweep        all of them, in some minutes: how many are seen, and which are not
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

from tests.infra.bicep import Sources, parse, sources, walk
from tests.infra.problems import all_problems


@dataclass(frozen=True)
class Slip:
    """*old*, at *at* of *file*, becomes *new*. Offsets are of bytes."""

    file: str
    line: int
    at: int
    old: str
    new: str

    def put_into(self, text: str) -> str:
        raw = text.encode()
        return (raw[: self.at] + self.new.encode() + raw[self.at + len(self.old.encode()) :]).decode()


def misspellings(of: Sources) -> Iterator[Slip]:
    """Yield a slip for every key of every object, a letter too many in it."""
    for name, text in of.items():
        if not name.endswith(".bicep"):
            continue
        file = parse(name, text)
        for node in walk(file.root):
            if node.type == "object_property":
                key = node.named_children[0]
                old = file.text_of(key)
                end = len(old) - (2 if old.endswith("'") else 1)
                yield Slip(name, key.start_point[0] + 1, key.start_byte, old, f"{old[:end]}q{old[end:]}")


def is_seen(slip: Slip, of: Sources) -> bool:
    return bool(all_problems({**of, slip.file: slip.put_into(of[slip.file])}))


def main() -> int:
    there = sources()
    slips = list(misspellings(there))
    missed = [slip for slip in slips if not is_seen(slip, there)]
    print(f"{len(slips) - len(missed)} of {len(slips)} misspelt keys are seen")
    for slip in missed:
        print(f"  infra/{slip.file}:{slip.line}: {slip.old}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
