"""`run.py azure`: the dashboard on the Azure project that the environment, or .env, names."""

import os
import sys

from commands.serve import options_parser, serve, state_folder
from emulator.supervisor import ROOT
from services.errors import ConfigurationError
from services.settings import load_settings

EXIT_CONFIGURATION = 1


def main(arguments: list[str]) -> int:
    options = options_parser(" azure").parse_args(arguments)
    try:
        load_settings({**os.environ, "RELAYDECK_MODE": "azure"}, ROOT / ".env")
    except ConfigurationError as exc:
        print(exc.message, file=sys.stderr)
        return EXIT_CONFIGURATION
    return serve(options, state_folder(), start_azure=None, environment={"RELAYDECK_MODE": "azure"})
