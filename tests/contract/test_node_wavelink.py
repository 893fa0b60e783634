"""Real wavelink drives a node, inside real discord.py, against the simulator."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import discord
import pytest
import wavelink

from tests.contract.test_discord_simulator import INTENTS, running
from tests.simulators.discord.simulator import DiscordSimulator
from tests.waiting import until

if TYPE_CHECKING:
    from tests.contract.media_host import MediaHost
    from tests.contract.node_client import NodeAddress

pytestmark = pytest.mark.heard


class Listener(discord.Client):
    """Notes what wavelink dispatches."""

    def __init__(self) -> None:
        super().__init__(intents=INTENTS, guild_ready_timeout=0.05)
        self.heard: list[tuple[str, Any]] = []

    def dispatch(self, event: str, /, *args: Any, **kwargs: Any) -> None:
        if event.startswith("wavelink_"):
            self.heard.append((event.removeprefix("wavelink_"), args[0] if args else None))
        super().dispatch(event, *args, **kwargs)

    def names(self) -> list[str]:
        return [name for name, _ in self.heard if name.startswith("track")]


async def test_load_connect_play_pause_seek_volume_and_events(node_address: NodeAddress, media: MediaHost) -> None:
    async with DiscordSimulator.start() as simulator:
        channel = simulator.guild("Guild").voice_channel("Music")
        client = Listener()
        async with running(simulator, client):
            node = wavelink.Node(uri=node_address.url, password=node_address.password)
            await wavelink.Pool.connect(nodes=[node], client=client, cache_capacity=None)
            try:
                await drive(client, node, channel, media)
            finally:
                await wavelink.Pool.close()


async def drive(client: Listener, node: wavelink.Node, channel: Any, media: MediaHost) -> None:
    await until(lambda: node.status is wavelink.NodeStatus.CONNECTED, what="the node")
    assert (await node.fetch_info()).version.major == 4
    assert (await node.fetch_version()).startswith("4.")
    [track] = await wavelink.Pool.fetch_tracks(media.tone(440, 20))
    assert track.length == pytest.approx(20_000, abs=50)
    assert await wavelink.Pool.fetch_tracks(f"{media.url}/nothing") == []
    with pytest.raises(wavelink.LavalinkLoadException):
        await wavelink.Pool.fetch_tracks(f"{media.url}/broken.mp3")

    target = client.get_channel(channel.id)
    assert isinstance(target, discord.VoiceChannel)
    player: wavelink.Player = await target.connect(cls=wavelink.Player, timeout=5)
    began = time.monotonic()
    await player.play(track, volume=100)
    assert await channel.heard(440) - began < 1.5
    await until(lambda: "track_start" in client.names(), what="the start")
    assert player.current == track

    await player.set_volume(50)
    await until(lambda: channel.level() == pytest.approx(-18, abs=1.5), what="half the volume")
    await player.pause(True)
    await channel.silent(seconds=0.3)
    await player.pause(False)
    await player.seek(15_000)
    await until(lambda: player.position >= 15_000, what="the new position")
    await channel.heard(440)

    [second] = await wavelink.Pool.fetch_tracks(media.tone(660, 1))
    await player.play(second, volume=100)
    await channel.heard(660)
    await until(lambda: client.names().count("track_end") == 2, what="both ends")
    ends = [payload.reason for name, payload in client.heard if name == "track_end"]
    assert ends == ["replaced", "finished"]
    await player.disconnect()
    await until(lambda: channel.bot_session is None, what="the bot left")
