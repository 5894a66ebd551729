"""A worker starts without what its models do not need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
from worker.lean_imports import import_scikit_learn
{first}
import_scikit_learn()
import worker.app
from worker.predictors import Predictors
predictor = Predictors.load(Path("models"), ["gender"]).get("gender/1")
predictor.predict_matrix([np.array([181.0, 165.0]), np.array([80.0, 60.0]), np.array([44.0, 38.0])])
was_imported = "pandas" in sys.modules
import pandas
print(json.dumps([was_imported, pandas.DataFrame({{"a": [1]}}).shape]))
"""


@pytest.mark.parametrize(
    ("first", "was_imported"),
    [
        pytest.param("", False, id="not imported yet"),
        pytest.param("import pandas", True, id="imported before"),
    ],
)
def test_pandas_is_imported_only_by_who_needs_it(root: Path, first: str, was_imported: bool) -> None:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(first=first)], cwd=root, capture_output=True, text=True, check=True
    )

    assert json.loads(run.stdout) == [was_imported, [1, 1]]
