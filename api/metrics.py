"""Blueprint: what this host and the whole deployment have counted, as Prometheus reads it."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Protocol

from flask import Blueprint, Response, request
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector, CollectorRegistry

from shared.errors import StoreUnavailable
from shared.metrics import METRICS, MODEL_READY, STORE_UP, Kind, Metric, Totals
from shared.registry import Registry


class HostTotals(Protocol):
    """What the API processes of this host have counted."""

    def totals(self) -> Totals:
        """Return it."""


class DeploymentTotals(Protocol):
    """What is the same whichever host is asked."""

    def read(self) -> Totals:
        """Return it; raises StoreUnavailable."""


class MetricsPage(Collector):
    """Puts together what the processes of this host count and what the store knows.

    store, registry: on clients that do not try again, so that a scrape ends within its time.
    """

    def __init__(self, host: HostTotals, store: DeploymentTotals, registry: Registry) -> None:
        self._host = host
        self._store = store
        self._registry = registry

    def read(self) -> Totals:
        """Return all totals; without those of the deployment while the store does not answer."""
        return self._host.totals() | self._read_deployment()

    def _read_deployment(self) -> Totals:
        try:
            totals = self._store.read()
            models = self._registry.served_models()
        except StoreUnavailable:
            return {(STORE_UP.name,): [0.0]}
        for model in models:
            totals[MODEL_READY.name, model.manifest.name, model.manifest.version] = [float(model.is_ready)]
        totals[STORE_UP.name,] = [1.0]
        return totals

    def collect(self) -> Iterator[Family]:
        """Yield the families of a scrape; called by the registry of prometheus_client."""
        totals = self.read()
        for metric in METRICS:
            yield make_family(metric, totals)


def make_family(metric: Metric, totals: Totals) -> Family:
    """Return a metric with all its series, as prometheus_client writes it."""
    series = [(list(names[1:]), numbers) for names, numbers in totals.items() if names[0] == metric.name]
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [*map(str, metric.bounds), "+Inf"]
        for labels, (*buckets, total) in series:
            histogram.add_metric(labels, list(zip(bounds, accumulate(buckets), strict=True)), total)
        return histogram
    family = (CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily)(
        metric.name, metric.help, labels=metric.labels
    )
    for labels, (number,) in series:
        family.add_metric(labels, number)
    return family


def make_metrics_blueprint(page: MetricsPage) -> Blueprint:
    """Return the route that Prometheus asks."""
    blueprint = Blueprint("metrics", __name__)
    registry = CollectorRegistry()
    # Described by nobody beforehand, so that registering asks no server.
    registry.register(page)

    @blueprint.get("/metrics")
    def metrics() -> Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return Response(encode(registry), content_type=content_type)

    return blueprint
