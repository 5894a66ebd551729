"""Does a figure grow over time, or does it only go up and down? Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

#: A slope counts as growth when it is so many times its own standard error ...
_SURE = 3.0
#: ... and when it makes up this share of the figure over the time that was looked at.
_NOTABLE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through the samples, by least squares."""

    first: float
    last: float
    #: In units of the figure per hour, and the standard error of that.
    slope_per_hour: float
    noise_per_hour: float
    hours: float

    @property
    def grows(self) -> bool:
        """It rises beyond what its noise explains, and by enough to matter."""
        rise = self.slope_per_hour * self.hours
        return self.slope_per_hour > _SURE * self.noise_per_hour and rise > _NOTABLE_SHARE * max(self.first, 1.0)


def fit_trend(seconds: Sequence[float], values: Sequence[float]) -> Trend:
    """Return the trend of three samples or more, taken at these moments."""
    hours = [(moment - seconds[0]) / 3600 for moment in seconds]
    middle, mean = fmean(hours), fmean(values)
    spread = sum((hour - middle) ** 2 for hour in hours)
    pairs = list(zip(hours, values, strict=True))
    slope = sum((hour - middle) * (value - mean) for hour, value in pairs) / spread
    residue = sum((value - mean - slope * (hour - middle)) ** 2 for hour, value in pairs)
    noise = math.sqrt(residue / (len(values) - 2) / spread)
    return Trend(values[0], values[-1], slope, noise, hours[-1])
