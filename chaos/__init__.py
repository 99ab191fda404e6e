"""What Relaydeck survives, each as a command that reports a figure: see commands/chaos.py."""
