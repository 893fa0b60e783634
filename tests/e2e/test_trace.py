"""One trace id runs from the press to the first packet: exported spans, the bot's log, the node's log."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from tests import sound
from tests.e2e.product import Product
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until


@dataclass(frozen=True)
class Span:
    """What was exported."""

    name: str
    trace: str
    id: str
    parent: str


@asynccontextmanager
async def collector() -> AsyncGenerator[tuple[str, list[Span]]]:
    """An OpenTelemetry collector on loopback: its address, and the spans it got."""
    spans: list[Span] = []

    async def take(request: web.Request) -> web.Response:
        batch = ExportTraceServiceRequest.FromString(await request.read())
        for resource in batch.resource_spans:
            for scope in resource.scope_spans:
                spans.extend(
                    Span(one.name, one.trace_id.hex(), one.span_id.hex(), one.parent_span_id.hex())
                    for one in scope.spans
                )
        return web.Response(
            body=ExportTraceServiceResponse().SerializeToString(), content_type="application/x-protobuf"
        )

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", spans
    await runner.cleanup()


@pytest.mark.heard
async def test_a_play_is_followed_by_its_trace_id(tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    sound.write_tone(tmp_path / "music" / "Tone.flac", 440, 30, tags={"title": "Tone"})
    async with collector() as (endpoint, spans), DiscordSimulator.start() as discord:
        guild = discord.guild("Testers")
        music, text = guild.voice_channel("Music"), guild.text_channel("chat")
        ann = guild.member("Ann")
        await ann.join(music)
        env = {
            **discord.env(),
            "LIBRARY_PATHS": str(tmp_path / "music"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        chorus = Product(tmp_path / "data", env)
        await chorus.start()
        await until(lambda: chorus.logs(event="library indexed"))
        await ann.slash("play", in_=text, query="Tone")
        await music.heard(440)
        command = (await until(lambda: [span for span in spans if span.name == "command"]))[0]
        wanted = {"command", "edit", "publish", "effect", "node request"}
        await until(lambda: wanted <= {span.name for span in spans if span.trace == command.trace})
        known = {span.id for span in spans if span.trace == command.trace}
        assert all(span.parent in known for span in spans if span.trace == command.trace and span != command)
        assert chorus.logs(trace=command.trace, event="command")
        log = (tmp_path / "data" / "node.log").read_text()
        assert any("first packet" in line and command.trace in line for line in log.splitlines())
        await chorus.stop()
