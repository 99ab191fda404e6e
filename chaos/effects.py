"""Gives the function tools an effect that can be counted. Copied into a function app beside its tools: standard library only.

Every time a tool does its work it appends a line to the file that EFFECTS_FILE names: `["calculate", "7 * 6"]`. The
line is written before the tool answers, and outside of what keeps answers for a repeat: a tool that works twice for one
question leaves two lines.
"""

import json
import os
from collections.abc import Callable, Mapping
from types import ModuleType

EFFECTS_FILE = "CHAOS_EFFECTS_FILE"
Answer = Callable[[Mapping[str, object]], str]


def count(*tools: ModuleType) -> None:
    """Have each of *tools* leave a line whenever its answer() is called."""
    for tool in tools:
        tool.__dict__["answer"] = _counted(tool.__name__.rpartition(".")[2], tool.__dict__["answer"])


def _counted(tool: str, answer: Answer) -> Answer:
    def counted(arguments: Mapping[str, object]) -> str:
        asked = next((str(value) for value in arguments.values()), "")
        line = json.dumps([tool, asked]) + "\n"
        file = os.open(os.environ[EFFECTS_FILE], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(file, line.encode())  # one write: lines of several processes do not mix
        finally:
            os.close(file)
        return answer(arguments)

    return counted
