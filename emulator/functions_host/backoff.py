"""How long to wait after a poll that found nothing: the real host's randomised exponential strategy."""

from collections.abc import Callable

MINIMUM_S = 0.1
_SPREAD = (0.8, 1.2)


class PollBackoff:
    """*uniform(low, high)* draws the spread, so that hosts side by side do not poll in step."""

    def __init__(self, maximum_s: float, uniform: Callable[[float, float], float]) -> None:
        self._maximum_s, self._uniform = max(maximum_s, MINIMUM_S), uniform
        self._exponent = 0

    def reset(self) -> None:
        """Start over, because there was work."""
        self._exponent = 0

    def next_delay_s(self) -> float:
        """Return the wait after one more empty poll: 0.1 s at first, then about doubling up to the maximum."""
        if self._exponent == 0:
            self._exponent = 1
            return MINIMUM_S
        delay_s = MINIMUM_S + self._uniform(*_SPREAD) * 2.0 ** (self._exponent - 1) * MINIMUM_S
        if delay_s >= self._maximum_s:
            return self._maximum_s
        self._exponent += 1
        return delay_s
