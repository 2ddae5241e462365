"""What /metrics shows. All processes of one data folder write into one folder of files; the API process adds them up.

`use_folder` must run before anything of this module is used: prometheus_client looks at its environment when it is
first imported.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def use_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    os.environ[FOLDER_VARIABLE] = str(folder)


class Metrics:
    """Every metric of ringtrail, once."""

    def __init__(self) -> None:
        from prometheus_client import Counter, Gauge, Histogram

        self.calls_in_progress = Gauge(
            "ringtrail_calls_in_progress", "Calls that are live now", multiprocess_mode="livesum"
        )
        self.calls_ended = Counter("ringtrail_calls_ended_total", "Ended calls by outcome", ["disposition"])
        self.offers_refused = Counter(
            "ringtrail_offers_refused_total", "Inbound calls that are no account's", ["reason"]
        )
        self.records_waiting = Gauge(
            "ringtrail_records_waiting", "Calls whose record waits for the database", multiprocess_mode="livesum"
        )
        self.engines_connected = Gauge(
            "ringtrail_engines_connected", "Controllers that have their engine", multiprocess_mode="livesum"
        )
        self.record_seconds = Histogram("ringtrail_record_batch_seconds", "Time to commit one batch of calls")
        self.recordings_waiting = Gauge(
            # each worker counts all of them
            "ringtrail_recordings_waiting",
            "Recordings that wait for a worker",
            multiprocess_mode="livemostrecent",
        )
        self.webhook_attempts = Counter(
            "ringtrail_webhook_attempts_total", "Tries to tell an endpoint of an event", ["dialect", "outcome"]
        )
        self.requests = Counter("ringtrail_http_requests_total", "HTTP requests", ["dialect", "status"])
        self.request_seconds = Histogram("ringtrail_http_request_seconds", "Time to answer", ["dialect"])


def render() -> tuple[bytes, str]:
    """(body, content type) of /metrics, over all processes that are alive."""
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client import multiprocess as untyped

    multiprocess: Any = untyped
    registry = CollectorRegistry()
    folder = os.environ[FOLDER_VARIABLE]
    for path in Path(folder).glob("gauge_live*_*.db"):
        pid = int(path.stem.rsplit("_", 1)[1])
        if not Path(f"/proc/{pid}").exists():
            multiprocess.mark_process_dead(pid, folder)
    multiprocess.MultiProcessCollector(registry, folder)
    return generate_latest(registry), CONTENT_TYPE_LATEST
