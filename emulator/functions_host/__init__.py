"""Runs an Azure Function app (Python, programming model v2, queue triggers) as the Functions host would."""
