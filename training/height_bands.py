"""Where the default model errs: how many women and men of each height it takes for the other sex."""

from dataclasses import dataclass

import numpy as np
from sklearn.pipeline import Pipeline

from training.dataset import draw_people
from training.evaluate import EVALUATION_SEED

#: Enough that the rarest band, women of 180 cm or more, still holds over a thousand people.
BAND_ROWS = 500_000
BAND_EDGES_CM = (0, 160, 165, 170, 175, 180)


@dataclass(frozen=True, slots=True)
class HeightBand:
    """The people of one label whose height, in whole centimetres, is `lowest_cm` or more and below the next band."""

    label: str
    lowest_cm: int
    people: int
    #: Share of them, from 0 to 1, that the model gives the other label.
    error_rate: float


def error_rates_by_height(
    pipeline: Pipeline, rows: int = BAND_ROWS, seed: int = EVALUATION_SEED + 1
) -> list[HeightBand]:
    """Return the bands of each label in turn, shortest people first, measured on `rows` freshly drawn people."""
    people, labels = draw_people(rows, seed)
    is_wrong = pipeline.predict(people) != labels
    band_of = np.digitize(people[:, 0], BAND_EDGES_CM) - 1
    bands = []
    for label in pipeline.classes_:
        for number, lowest_cm in enumerate(BAND_EDGES_CM):
            inside = is_wrong[(labels == label) & (band_of == number)]
            bands.append(HeightBand(str(label), lowest_cm, len(inside), float(inside.mean()) if len(inside) else 0.0))
    return bands
