"""Learning rates as a pure function of the step."""

import math
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """`kind`: constant; step (a tenth at half, a hundredth at three quarters of the run); exponential (to a hundredth);
    cosine (to 0; Loshchilov & Hutter 2017). Before it, `warmup` steps rise linearly from 0."""

    kind: str
    peak: float
    steps: int
    warmup: int = 0

    def rate(self, step: int) -> float:
        """The learning rate of step `step`, from 0 to `steps` - 1."""
        if step < self.warmup:
            return self.peak * (step + 1) / (self.warmup + 1)
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        if self.kind == "step":
            return self.peak * (1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01)
        if self.kind == "exponential":
            return self.peak * math.pow(0.01, done)
        if self.kind == "cosine":
            return self.peak * 0.5 * (1 + math.cos(math.pi * done))
        return self.peak
