"""The commands behind run.py, each a module with main(arguments) -> exit code."""
