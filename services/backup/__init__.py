"""Back-up and restore: agent definitions, conversations and queue settings in one file."""
