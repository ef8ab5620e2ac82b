"""How often something is tried again."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from .._options import Seconds, seconds

UNLIMITED = 2**31 - 1


@dataclass(frozen=True)
class Retry:
    """How often and after what delays a failed step, or a failed execution, is tried again."""

    max_attempts: int = 3
    """Tries in all; -1: no limit."""
    initial: Seconds = 1.0
    """Seconds before the second try."""
    maximum: Seconds = 300.0
    """The longest delay in seconds."""
    coefficient: float = 2.0
    """Growth of the delay from try to try, 1 to 100."""
    jitter: float = 0.2
    """Share of the delay, 0 to 1, that is random; it only shortens."""

    def __post_init__(self) -> None:
        if self.max_attempts == 0 or self.max_attempts < -1:
            raise ValueError("max_attempts is at least 1, or -1 for no limit")
        if seconds(self.initial) < 0 or seconds(self.maximum) <= 0:
            raise ValueError("initial and maximum are lengths of time")
        if not 1 <= self.coefficient <= 100 or not 0 <= self.jitter <= 1:
            raise ValueError("coefficient is 1 to 100, jitter is 0 to 1")

    @property
    def tries(self) -> int:
        """Tries in all, as a number."""
        return UNLIMITED if self.max_attempts == -1 else min(self.max_attempts, UNLIMITED)

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the given failed try, counted from 1."""
        try:
            grown = seconds(self.initial) * self.coefficient ** (max(attempt, 1) - 1)
        except OverflowError:
            grown = math.inf
        d = min(grown, seconds(self.maximum))
        return d - d * self.jitter * random.random()

    def wire(self, longest: float = math.inf) -> dict[str, Any]:
        """The policy as the protocol has it, with no delay above the longest."""
        return {
            "max_attempts": -1 if self.max_attempts == -1 else self.tries,
            "initial_interval_ms": math.ceil(min(seconds(self.initial), longest) * 1000),
            "max_interval_ms": max(math.ceil(min(seconds(self.maximum), longest) * 1000), 1),
            "coefficient": self.coefficient,
            "jitter": self.jitter,
        }
