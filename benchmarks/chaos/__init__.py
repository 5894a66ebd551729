"""Accepted means answered, tried: a stack under load and faults, a log of what clients saw, and a verdict on it."""
