"""Published body measurements of adults: the figures that the default model is made from.

Source: US Army Anthropometric Survey II (ANSUR II, 2012), 6,068 measured adults. Figures only, no behaviour.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: Goes into the manifest, so that every copy of the model says where its figures come from.
SOURCE = "US Army Anthropometric Survey II (ANSUR II, 2012): means, standard deviations and correlations per sex"


@dataclass(frozen=True, slots=True)
class Moments:
    """What the survey says of one sex, in the order height (cm), natural logarithm of weight (kg), foot length (cm).

    Weight is close to log-normal within each sex, so its logarithm is what is normal together with the other two.
    """

    #: How many people were measured.
    people: int
    mean: tuple[float, float, float]
    #: Sample standard deviations (n - 1).
    sd: tuple[float, float, float]
    #: Correlation of height with ln weight, of height with foot length, of ln weight with foot length.
    correlations: tuple[float, float, float]

    def covariance(self) -> NDArray[np.float64]:
        """Return the 3 by 3 covariance matrix."""
        height_weight, height_foot, weight_foot = self.correlations
        correlation = np.array(
            [
                [1.0, height_weight, height_foot],
                [height_weight, 1.0, weight_foot],
                [height_foot, weight_foot, 1.0],
            ]
        )
        covariance: NDArray[np.float64] = correlation * np.outer(self.sd, self.sd)
        return covariance


#: Computed from the per-person files of the survey. Two thirds of the people measured are men; the shares are not used.
MOMENTS = {
    "female": Moments(
        people=1986,
        mean=(162.84733131923463, 4.203048392652443, 24.62930513595166),
        sd=(6.419951224968793, 0.1604735488444111, 1.2435535417211683),
        correlations=(0.5387686468621419, 0.722156905987999, 0.5409361080823984),
    ),
    "male": Moments(
        people=4082,
        mean=(175.62146006859385, 4.435136146831209, 27.11783439490446),
        sd=(6.855078766890092, 0.16539446989401654, 1.3102597478082454),
        correlations=(0.47064684894779385, 0.718083551334714, 0.4861695662078432),
    ),
}
