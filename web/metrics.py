"""What /metrics counts of the page."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("chorus_http_requests_total", "Answered requests", ["method", "route", "status"])
DRAWN = Histogram(
    "chorus_page_draw_seconds",
    "From a hint that a room changed to the last page written",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1),
)
PAGES = Gauge("chorus_pages_open", "Pages that are open and live")
STREAMS = Gauge("chorus_stream_listeners", "Listeners of the web streams")
DROPPED = Counter("chorus_pages_dropped_total", "Open pages that were cut off because they did not read")
