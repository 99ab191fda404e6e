"""Every command of run.py, once the set-up is done: `python -m commands [COMMAND] …`."""

import importlib
import sys

COMMANDS = (
    "serve",
    "ask",
    "diagnose",
    "demo",
    "doctor",
    "poison",
    "audit",
    "local",
    "azure",
    "backup",
    "cleanup",
    "restore",
    "audit-dependencies",
    "test",
    "bench",
    "fix",
)


def main(arguments: list[str]) -> int:
    first = arguments[0] if arguments else "serve"
    name, rest = ("serve", arguments) if first.startswith("-") else (first, arguments[1:])
    if name not in COMMANDS:
        print(f"Relaydeck has no command {name!r}. There are: {', '.join(COMMANDS)}.", file=sys.stderr)
        print("Type: python3 run.py --help", file=sys.stderr)
        return 2
    # Each command imports what it needs only: `local` must not pay for Streamlit.
    return int(importlib.import_module(f"commands.{name.replace('-', '_')}").main(rest))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
