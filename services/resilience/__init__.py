"""One wrapper for every remote call: classify, look up, retry, deadline, breaker, budget."""

from services.resilience.call import Limits, Resilience

__all__ = ["Limits", "Resilience"]
