"""Housekeeping: finds what nobody needs any more, and deletes what is ours of it."""
