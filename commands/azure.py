"""`run.py azure`: the dashboard on the Azure project that the environment, or .env, names."""

import os
import sys

from commands.serve import options_parser, serve, state_folder
from emulator.supervisor import ROOT
from services.settings_source import load_usable, tell_problems


def main(arguments: list[str]) -> int:
    options = options_parser(" azure").parse_args(arguments)
    settings, problems = load_usable({**os.environ, "RELAYDECK_MODE": "azure"}, ROOT / ".env")
    if problems:
        code = tell_problems(problems, sys.stderr)
        if settings.without_settings == "exit":
            return code
        print("The dashboard shows Doctor until this is right.", file=sys.stderr, flush=True)
    return serve(options, state_folder(), start_azure=None, environment={"RELAYDECK_MODE": "azure"})
