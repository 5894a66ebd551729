"""What a process that has come up leaves out of its searches for garbage."""

import gc


def freeze_objects() -> None:
    """Leave what exists now out of later searches for garbage: modules, models and wiring, which stay to the end."""
    gc.collect()
    gc.freeze()
