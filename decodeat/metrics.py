"""Define the service's counters, and read them from all of its worker processes at once.

Every possible label is created at 0 beforehand: only growth is visible to monitoring, so that the first event of a
series that begins at 1 would not be seen.
"""

import os

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Up to 120 s: an analysis may take that long, and an alert on p95 above the last bucket could never fire.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 120.0)

requests = Counter(
    "api_requests_total", "HTTP requests answered, by users or probes.", ("status", "method", "path", "by")
)
seconds = Histogram(
    "api_request_duration_seconds",
    "Time from a request's arrival to its answer.",
    ("method", "path", "by"),
    buckets=BUCKETS,
)
analyses = Counter("decodeat_analyses_total", "Analyses by outcome and by what made them.", ("status", "engine"))
analyses_failed = Counter("decodeat_analyses_failed_total", "Analyses that FAILED, by whose fault it was.", ("cause",))
running = Gauge("decodeat_analyses_running", "Analyses under way.", multiprocess_mode="livesum")
waiting = Gauge("decodeat_analyses_waiting", "Analyses in the queue for their turn.", multiprocess_mode="livesum")
upstream_calls = Counter(
    "decodeat_upstream_calls_total", "Calls to others, by how they ended.", ("upstream", "outcome")
)
upstream_seconds = Histogram(
    "decodeat_upstream_call_duration_seconds",
    "Time of one call, without tries before it.",
    ("upstream",),
    buckets=BUCKETS,
)
breaker = Gauge(
    "decodeat_upstream_breaker_state", "0 closed, 1 half-open, 2 open.", ("upstream",), multiprocess_mode="livemax"
)
tokens = Counter("decodeat_model_tokens_total", "Tokens that were paid for.", ("model", "direction"))
model_answers = Counter(
    "decodeat_model_answers_total", "Answers by who was asked and who answered.", ("model", "answered")
)
model_mismatches = Counter("decodeat_model_mismatches_total", "Answers of another model than was asked.", ("model",))
cost = Counter("decodeat_upstream_cost_dollars_total", "US dollars by the prices in the settings.", ("upstream",))
lookups = Counter("decodeat_cache_lookups_total", "Questions to a cache: hit, miss or joined.", ("cache", "result"))
cache_errors = Counter("decodeat_cache_errors_total", "Questions to a cache that it could not answer.", ("cache",))
fallbacks = Counter(
    "decodeat_fallbacks_total", "Analyses that another engine had to make, by what failed.", ("reason",)
)
downloads_failed = Counter("decodeat_image_download_failures_total", "Pictures not fetched, by reason.", ("reason",))
limits_alone = Counter("decodeat_limit_fallbacks_total", "Times that Redis could not count requests for a while.")
results_waiting = Gauge("decodeat_results_waiting", "Results that wait to be stored.", multiprocess_mode="livesum")
results_lost = Counter("decodeat_results_lost_total", "Results that could not be stored.")
release_info = Gauge(
    "decodeat_release_info", "1 for the release that runs.", ("release", "version"), multiprocess_mode="max"
)


def exposition() -> bytes:
    """Return Prometheus' text format: of all workers when PROMETHEUS_MULTIPROC_DIR is set, else of this process."""
    if not os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)
