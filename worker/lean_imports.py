"""Import scikit-learn without pandas, so that a worker that was killed is back sooner."""

import importlib
import sys

#: scikit-learn imports pandas here whenever it is installed, and uses it nowhere; every other place that needs it
#: imports it when it is called. That is a third of the time in which a worker starts.
_GREEDY = "sklearn.utils.fixes"


def import_scikit_learn() -> None:
    """Import scikit-learn as if pandas were not installed; whoever imports pandas afterwards gets it."""
    if "pandas" in sys.modules:
        importlib.import_module(_GREEDY)
        return
    # The import system takes None for "there is no such module".
    sys.modules["pandas"] = None  # type: ignore[assignment]
    try:
        importlib.import_module(_GREEDY)
    finally:
        del sys.modules["pandas"]
