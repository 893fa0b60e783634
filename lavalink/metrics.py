"""What Prometheus asks for: the load by the Java server's names, and under `chorus_node_` what only this node tells."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, GCCollector, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from lavalink import __version__
from lavalink.tally import LATE, TALLY
from lavalink.traffic import TRAFFIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from aiohttp.typedefs import Handler

    from lavalink.sessions import Sessions

METRICS_PATH = "/metrics"
OWN = "chorus_node_"
LOAD = {
    "players_total": ("Total number of players connected.", "players"),
    "playing_players_total": ("Number of players currently playing audio.", "playingPlayers"),
    "uptime_milliseconds": ("Uptime of the node in milliseconds.", "uptime"),
    "memory_free_bytes": ("Memory statistics in bytes. (Free)", "memory.free"),
    "memory_used_bytes": ("Memory statistics in bytes. (Used)", "memory.used"),
    "memory_allocated_bytes": ("Memory statistics in bytes. (Allocated)", "memory.allocated"),
    "memory_reservable_bytes": ("Memory statistics in bytes. (Reservable)", "memory.reservable"),
    "cpu_cores": ("CPU statistics. (Cores)", "cpu.cores"),
    "cpu_system_load_percentage": ("CPU statistics. (System Load)", "cpu.systemLoad"),
    "cpu_lavalink_load_percentage": ("CPU statistics. (Lavalink Load)", "cpu.lavalinkLoad"),
}
"""The Java server's names after `lavalink_`, its words for them, and where the stats have them; loads are 0 to 1."""


class Load(Collector):
    """The stats; describes itself beforehand, so that a collision is noticed at once."""

    def __init__(self, stats: Callable[[], dict[str, Any]]) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        """One gauge for each figure."""
        stats = self._stats()
        for name, (words, path) in LOAD.items():
            value: Any = stats
            for key in path.split("."):
                value = value[key]
            yield GaugeMetricFamily(f"lavalink_{name}", words, value)

    def describe(self) -> Iterator[Metric]:
        """The same without figures."""
        for name, (words, _) in LOAD.items():
            yield GaugeMetricFamily(f"lavalink_{name}", words)


class Work(Collector):
    """What this process has done."""

    def collect(self) -> Iterator[Metric]:
        """Frames, messages, bytes, and how late the pacer was."""
        yield CounterMetricFamily(f"{OWN}frames_sent", "Frames of 20 ms of sound that players sent", TALLY.sent)
        yield CounterMetricFamily(f"{OWN}frames_missed", "Frames that were due and not there in time", TALLY.missed)
        yield CounterMetricFamily(f"{OWN}bytes", "Bytes fetched from sources and sent to listeners", TRAFFIC.total)
        events = CounterMetricFamily(f"{OWN}events", "Events that clients were told of", labels=["type"])
        for kind, count in TALLY.events.items():
            events.add_metric([kind], count)
        yield events
        bounds = [*map(str, LATE), "+Inf"]
        steps = list(zip(bounds, accumulate(TALLY.steps), strict=True))
        yield HistogramMetricFamily(f"{OWN}late_seconds", "How late frames were sent", steps, TALLY.late)


class Clients(Collector):
    """The clients' sessions."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    def collect(self) -> Iterator[Metric]:
        """Those with a client, and those that wait for theirs."""
        held = self._sessions.clients
        family = GaugeMetricFamily(f"{OWN}sessions", "Sessions, and whether their client is there", labels=["client"])
        family.add_metric(["connected"], held)
        family.add_metric(["away"], sum(1 for _ in self._sessions) - held)
        yield family
        yield InfoMetricFamily(OWN.rstrip("_"), "Which version this is", {"version": __version__})


class Metrics:
    """All that one server tells."""

    def __init__(self, stats: Callable[[], dict[str, Any]], sessions: Sessions) -> None:
        self._registry = CollectorRegistry(auto_describe=True)
        for collector in (Load(stats), Clients(sessions), Work()):
            self._registry.register(collector)
        ProcessCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self._requests = Counter(
            f"{OWN}requests", "Answered requests", ["method", "route", "status"], registry=self._registry
        )

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts a request by its route: a path would name sessions."""
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "unknown"
        response = await handler(request)
        self._requests.labels(_method(request), route, response.status).inc()
        return response

    def answer(self, others: Mapping[str, str] | None = None) -> web.Response:
        """All of it as text, with what processes behind this one told of themselves, by their names."""
        families = {family.name: family for family in self._registry.collect()}
        for process, text in (others or {}).items():
            _add(families, text, process)
        page = CollectorRegistry()
        page.register(_Page(families.values()))
        return web.Response(body=generate_latest(page), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


class _Page(Collector):
    """Families that have been collected already."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        return self._families


def _add(families: dict[str, Metric], text: str, process: str) -> None:
    """Adds what a process tells of itself; the load is the whole node's already."""
    for told in text_string_to_metric_families(text):
        if told.name.startswith("lavalink_"):
            continue
        family = families.setdefault(told.name, Metric(told.name, told.documentation, told.type))
        for sample in told.samples:
            family.samples.append(sample._replace(labels={**sample.labels, "process": process}))


def _method(request: web.Request) -> str:
    """Any word may stand there: the unusual ones are one."""
    return request.method if request.method in {"GET", "POST", "PATCH", "DELETE"} else "other"
