"""What a node tells Prometheus; a Java one does so when its operator switches that on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import NodeClient

pytestmark = pytest.mark.builtin
GUILD = 77
JAVA = {
    "lavalink_players_total",
    "lavalink_playing_players_total",
    "lavalink_uptime_milliseconds",
    "lavalink_memory_free_bytes",
    "lavalink_memory_used_bytes",
    "lavalink_memory_allocated_bytes",
    "lavalink_memory_reservable_bytes",
    "lavalink_cpu_cores",
    "lavalink_cpu_system_load_percentage",
    "lavalink_cpu_lavalink_load_percentage",
}
Figures = dict[str, dict[tuple[str, ...], float]]


async def figures(node: NodeClient) -> Figures:
    """By name, then by the labels' values; processes are summed up."""
    answer = await node.rest("GET", "/metrics", password=None)
    assert (answer.status, answer.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
    found: Figures = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            labels = tuple(value for name, value in sample.labels.items() if name != "process")
            values = found.setdefault(sample.name, {})
            values[labels] = values.get(labels, 0) + sample.value
    return found


async def test_the_java_servers_names_say_what_the_stats_say(node: NodeClient) -> None:
    before = await figures(node)
    assert set(before) >= JAVA
    await node.patch(GUILD, {})
    stats, after = (await node.rest("GET", "/v4/stats")).json, await figures(node)
    assert after["lavalink_players_total"][()] == before["lavalink_players_total"][()] + 1 == stats["players"]
    assert after["lavalink_cpu_cores"][()] == stats["cpu"]["cores"]
    assert after["lavalink_memory_reservable_bytes"][()] == stats["memory"]["reservable"]
    assert after["lavalink_uptime_milliseconds"][()] >= stats["uptime"]
    assert 0 <= after["lavalink_cpu_lavalink_load_percentage"][()] <= 1


async def test_sound_events_and_requests_are_counted(node: NodeClient, media: MediaHost) -> None:
    before = await figures(node)
    await node.patch(GUILD, {"track": {"identifier": media.tone(440, 0.5)}})
    await node.event("TrackEndEvent")
    after = await figures(node)

    def more(name: str, *labels: str) -> float:
        return after[name][labels] - before.get(name, {}).get(labels, 0)

    assert 23 <= more("chorus_node_frames_sent_total") <= 30
    assert more("chorus_node_late_seconds_count") >= 1
    assert more("chorus_node_bytes_total") > 40_000
    assert more("chorus_node_events_total", "TrackEndEvent") == 1
    assert more("chorus_node_requests_total", "PATCH", "/v4/sessions/{session}/players/{guild}", "200") >= 1
    assert after["lavalink_playing_players_total"][()] == before["lavalink_playing_players_total"][()]


async def test_sessions_are_counted_with_and_without_their_client(node: NodeClient) -> None:
    away = (await figures(node))["chorus_node_sessions"][("away",)]
    await node.rest("PATCH", node.session_path, json={"resuming": True, "timeout": 30})
    await node.hang_up()

    async def waits() -> bool:
        return (await figures(node))["chorus_node_sessions"][("away",)] == away + 1

    await until(waits, what="a session without its client")


async def test_nothing_in_it_names_a_session_a_path_or_the_password(node: NodeClient) -> None:
    await node.rest("GET", f"{node.session_path}/players")
    await node.rest("PROPFIND", "/s3cret-path")
    text = (await node.rest("GET", "/metrics", password=None)).text
    assert node.session_id not in text
    assert "s3cret" not in text
    assert "PROPFIND" not in text
    assert node.address.password not in text
