"""`python -m training`: train the default model, measure it, publish it as gender/1."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.pipeline import Pipeline

from shared.manifest import ModelManifest
from training.ansur2 import SOURCE
from training.evaluate import BARS, EVALUATION_ROWS, EVALUATION_SEED, evaluate, find_missed_bars
from training.features import FEATURES
from training.height_bands import error_rates_by_height
from training.pipeline import CALIBRATION_ROWS, DEFAULT_SEED, TRAINING_ROWS, train
from training.publish import publish_model

DESCRIPTION = "Male or female from height, weight and shoe size. Read docs/model-card.md before you rely on it."
#: The person that the assessment behind this project asks about: height (cm), weight (kg), shoe size (EU).
FIRST_QUESTION = (190, 70, 43)


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 if the model was published, 1 if it missed a bar and was not."""
    parser = argparse.ArgumentParser(prog="python -m training", description="Train and publish the default model.")
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="seed of the people to train on (%(default)s)")
    parser.add_argument("--models-dir", type=Path, default=Path("models"), help="where models live (%(default)s)")
    options = parser.parse_args(arguments)

    pipeline = train(options.seed)
    metrics = evaluate(pipeline)
    print(describe(pipeline, metrics))
    print(describe_errors(pipeline))
    missed = find_missed_bars(metrics)
    if missed:
        print(f"not published: missed the bar for {', '.join(missed)}", file=sys.stderr)
        return 1
    manifest = publish(pipeline, metrics, options.seed, options.models_dir)
    print(f"published {manifest.key} in {options.models_dir}, sha256 {manifest.artifact.sha256}")
    return 0


def publish(pipeline: Pipeline, metrics: dict[str, float], seed: int, models_dir: Path) -> ModelManifest:
    """Publish the default model; it may replace itself, because the same sources always give the same bytes."""
    return publish_model(
        pipeline,
        name="gender",
        version="1",
        description=DESCRIPTION,
        features=FEATURES,
        models_dir=models_dir,
        metrics=metrics,
        training={
            "source": SOURCE,
            "seed": seed,
            "training_rows": TRAINING_ROWS,
            "calibration_rows": CALIBRATION_ROWS,
            "evaluation_rows": EVALUATION_ROWS,
            "evaluation_seed": EVALUATION_SEED,
        },
        replace=True,
    )


def describe(pipeline: Pipeline, metrics: dict[str, float]) -> str:
    """Return the metrics with their bars, and the answer to the first question, as a table to read."""
    lines = [f"{name:<22} {value:>8.4f}   {_bar(name)}".rstrip() for name, value in metrics.items()]
    chances = pipeline.predict_proba(np.array([FIRST_QUESTION], dtype=np.float64))[0]
    answer = chances.argmax()
    height, weight, size = FIRST_QUESTION
    lines.append(f"{height} cm, {weight} kg, EU {size}: {pipeline.classes_[answer]}, probability {chances[answer]:.4f}")
    return "\n".join(lines)


def describe_errors(pipeline: Pipeline) -> str:
    """Return the share of people given the wrong label, by height, as a table to read."""
    heading = "label    height from   people   wrong"
    lines = [
        f"{band.label:<8} {band.lowest_cm:>8} cm {band.people:>8} {band.error_rate:>7.1%}"
        for band in error_rates_by_height(pipeline)
    ]
    return "\n".join([heading, *lines])


def _bar(name: str) -> str:
    return "bar {:.2f} to {:.2f}".format(*BARS[name]) if name in BARS else ""


if __name__ == "__main__":
    sys.exit(main())
