"""Why the host cannot run, or stopped: one sentence and one exit code each."""

EXIT_DRAINED = 0
EXIT_DEFECT = 1
EXIT_CONFIGURATION = 2
EXIT_APP = 3
EXIT_OVERRUN = 4
EXIT_UNDRAINED = 5


class HostError(Exception):
    """The text says what is wrong, where, and what to write instead."""

    exit_code = EXIT_DEFECT


class ConfigurationError(HostError):
    """host.json, local.settings.json, an environment variable or the command line."""

    exit_code = EXIT_CONFIGURATION


class AppError(HostError):
    """The function app cannot be loaded, or declares something that cannot work."""

    exit_code = EXIT_APP
