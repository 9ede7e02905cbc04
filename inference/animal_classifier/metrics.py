"""What the service measures of itself, for Prometheus."""

from __future__ import annotations

import time

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
)
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """The metrics of one app."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
            self.registry.register(collector)
        self.version = Info("animal_classifier", "Where code and model come from", registry=self.registry)
        self.predictions = Counter("predictions", "Photos classified", ["label"], registry=self.registry)
        self.errors = Counter("prediction_errors", "Photos turned down", ["code"], registry=self.registry)
        self.in_flight = Gauge("predictions_in_flight", "Photos being received or classified", registry=self.registry)
        self.seconds = Histogram(
            "prediction_seconds",
            "Time to decode and classify a photo",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5),
            registry=self.registry,
        )
        self.requests = Histogram(
            "http_request_seconds", "Time to answer", ["method", "path", "status"], registry=self.registry
        )


class RequestMetrics:
    """ASGI middleware that times every request."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and note its status and time."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = 500
        started = time.perf_counter()

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, note_status)
        finally:
            # The route's path, not the request's: whoever asks for made-up paths must not make up time series.
            path = getattr(scope.get("route"), "path", "other")
            seconds = time.perf_counter() - started
            self.metrics.requests.labels(scope["method"], path, str(status)).observe(seconds)
