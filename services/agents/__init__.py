"""Agents, threads and runs. Nothing outside classic.py imports azure.ai.agents."""
