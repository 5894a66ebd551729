"""Flask without a queue: a view that only echoes, and a view with the model in its process."""

from flask import Flask, Response, jsonify, request

from benchmarks.answers import load_estimator, predict_record


def make_control() -> Flask:
    """Return the control: what Flask and its server cost without any prediction."""
    app = Flask("control")

    @app.post("/predict")
    def echo() -> Response:
        return jsonify(request.get_json())

    return app


def make_in_process() -> Flask:
    """Return what one would write without a queue."""
    app = Flask("in_process")
    estimator = load_estimator()

    @app.post("/predict")
    def predict() -> Response:
        return jsonify(predict_record(estimator, request.get_json()))

    return app
