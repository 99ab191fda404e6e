"""What the functions run. No module here knows the Functions host: only tools/answering.py meets its types."""
