"""What there is in the project: indexed in the background, one index per process, shared by all viewers."""
