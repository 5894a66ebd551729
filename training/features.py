"""The three inputs of the default model: units, ranges, and the wrong units that people send by mistake.

No lookalike may reach inside a hard range, because only a refused value is compared with lookalikes.
"""

from shared.manifest import Feature, Lookalike

#: The typical ranges of all three are the 0.1 % and 99.9 % quantiles of the drawn people, rounded.
HEIGHT = Feature(
    name="height",
    unit="cm",
    description="Body height without shoes.",
    minimum=100,
    typical_minimum=144,
    typical_maximum=195,
    maximum=250,
    lookalikes=(
        Lookalike(unit="metres", minimum=1.0, maximum=2.5, multiply_by=100, advice="send centimetres"),
        Lookalike(unit="feet", minimum=3.3, maximum=8.2, multiply_by=30.48, advice="send centimetres"),
        Lookalike(unit="inches", minimum=39.4, maximum=98.4, multiply_by=2.54, advice="send centimetres"),
        Lookalike(unit="millimetres", minimum=1000, maximum=2500, multiply_by=0.1, advice="send centimetres"),
    ),
    example=181,
)

WEIGHT = Feature(
    name="weight",
    unit="kg",
    description="Body weight.",
    minimum=25,
    typical_minimum=42,
    typical_maximum=136,
    maximum=350,
    lookalikes=(
        Lookalike(unit="stone", minimum=4, maximum=25, multiply_by=6.35029, advice="send kilograms"),
        Lookalike(unit="pounds", minimum=350, maximum=771, multiply_by=0.45359237, advice="send kilograms"),
        Lookalike(unit="grams", minimum=25_000, maximum=350_000, multiply_by=0.001, advice="send kilograms"),
    ),
    example=80,
)

SHOE_SIZE = Feature(
    name="shoe_size",
    unit="EU",
    description="European shoe size (Paris points), halves allowed.",
    minimum=30,
    typical_minimum=34,
    typical_maximum=48.5,
    maximum=55,
    lookalikes=(
        # No conversion: a US or UK number means another length for women than for men, which is what we are asked.
        Lookalike(unit="a US or UK size", minimum=3, maximum=16, advice="send the EU size printed in the shoe"),
        Lookalike(
            unit="a foot length in centimetres",
            minimum=19,
            maximum=29.9,
            multiply_by=1.5,
            add=2.25,
            advice="send the EU size",
        ),
        Lookalike(
            unit="a foot length in millimetres",
            minimum=190,
            maximum=330,
            multiply_by=0.15,
            add=2.25,
            advice="send the EU size",
        ),
    ),
    example=44,
)

#: In the order of the columns that the model was trained on.
FEATURES = (HEIGHT, WEIGHT, SHOE_SIZE)
