"""The contract between the processes; knows nothing of Flask, HTTP or scikit-learn."""
