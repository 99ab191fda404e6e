"""One wrapper for every remote call: classify, look up, retry, deadline, breaker, budget."""

from services.resilience.breaker import BreakerView
from services.resilience.call import Limits, Resilience
from services.resilience.dependencies import DEPENDENCIES, Dependencies

__all__ = ["DEPENDENCIES", "BreakerView", "Dependencies", "Limits", "Resilience"]
