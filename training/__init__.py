"""Data in, model version out: draws people, trains the default model, measures it and publishes it."""
