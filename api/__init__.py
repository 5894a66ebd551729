"""HTTP in, messages out; knows nothing of scikit-learn."""
