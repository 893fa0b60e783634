"""The simulator against the real discord.py: every answer loads through its classes, every fault is survived."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands

from tests.simulators.discord import (
    DiscordSimulator,
    Guild,
    Member,
    NotAnsweredError,
    NotPossibleError,
    TextChannel,
    VoiceChannel,
)

INTENTS = discord.Intents(guilds=True, voice_states=True)


class Panel(discord.ui.View):
    """Two buttons and a select, as a now-playing message has them."""

    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Skip", custom_id="skip")
    async def skip(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        assert interaction.message
        await interaction.response.edit_message(content=f"{interaction.user.display_name} skipped", view=self)

    @discord.ui.button(label="Whisper", custom_id="whisper")
    async def whisper(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None:
        await interaction.response.send_message("only you", ephemeral=True)

    @discord.ui.button(label="Off", custom_id="off", disabled=True)
    async def off(self, interaction: discord.Interaction, button: discord.ui.Button[Any]) -> None: ...

    @discord.ui.select(
        custom_id="mode", options=[discord.SelectOption(label="Fair"), discord.SelectOption(label="Fifo")]
    )
    async def mode(self, interaction: discord.Interaction, select: discord.ui.Select[Any]) -> None:
        await interaction.response.defer()
        await interaction.followup.send(f"mode {select.values[0]}", ephemeral=True)


class Form(discord.ui.Modal, title="Settings"):
    volume = discord.ui.TextInput[Any](label="Volume", custom_id="volume")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"volume {self.volume.value}")


class Bot(discord.Client):
    """A small bot with one command of each kind."""

    def __init__(self, intents: discord.Intents = INTENTS) -> None:
        flags = discord.MemberCacheFlags.from_intents(intents)
        super().__init__(intents=intents, member_cache_flags=flags, guild_ready_timeout=0.05)
        self.tree = app_commands.CommandTree(self)
        self.events: list[tuple[Any, ...]] = []
        self.answered: asyncio.Queue[Any] = asyncio.Queue()

    async def setup_hook(self) -> None:
        self.add_view(Panel())
        _add_commands(self.tree, self)
        await self.tree.sync()

    async def on_ready(self) -> None:
        self.events.append(("ready",))

    async def on_resumed(self) -> None:
        self.events.append(("resumed",))

    async def on_voice_state_update(self, member: discord.Member, before: Any, after: discord.VoiceState) -> None:
        self.events.append(("voice", member.display_name, after.channel and after.channel.name, after.self_deaf))

    async def on_guild_remove(self, guild: discord.Guild) -> None:
        self.events.append(("removed", guild.name))

    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        self.events.append(("channel gone", channel.name))


def _add_commands(tree: "app_commands.CommandTree[Bot]", bot: Bot) -> None:
    @tree.command(description="Answers")
    @app_commands.describe(query="what", loud="how")
    async def echo(interaction: discord.Interaction, query: str, loud: bool = False) -> None:
        embed = discord.Embed(title="Echo", description=query).set_footer(text="foot")
        callback = await interaction.response.send_message(query.upper() if loud else query, embed=embed, view=Panel())
        assert isinstance(callback.resource, discord.InteractionMessage)
        bot.answered.put_nowait(callback.resource)

    @echo.autocomplete("query")
    async def complete(interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=f"{current}{n}", value=f"{current}{n}") for n in range(3)]

    @tree.command(description="Answers later")
    async def later(interaction: discord.Interaction, whispered: bool) -> None:
        await interaction.response.defer(ephemeral=whispered, thinking=True)
        await interaction.edit_original_response(content="first")
        await interaction.followup.send("second", ephemeral=True)
        message = await interaction.original_response()
        await message.edit(content="third")

    @tree.command(description="Takes a file")
    async def file(interaction: discord.Interaction, song: discord.Attachment, who: discord.Member) -> None:
        data = await song.read()
        await interaction.response.send_message(f"{song.filename} {len(data)} {song.content_type} {who.display_name}")

    @tree.command(description="Says it to all")
    async def shout(interaction: discord.Interaction) -> None:
        assert isinstance(interaction.channel, discord.TextChannel)
        await interaction.response.defer(ephemeral=True)
        message = await interaction.channel.send("@everyone now", allowed_mentions=discord.AllowedMentions.none())
        message = await message.edit(content="@everyone later")
        assert (await interaction.channel.fetch_message(message.id)).content == "@everyone later"
        sent = await interaction.channel.send("oops", file=discord.File(__file__, "a.py"))
        await sent.delete()
        await interaction.delete_original_response()

    @tree.command(description="Opens a form")
    async def form(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Form())

    @tree.command(description="For admins")
    @app_commands.default_permissions(manage_guild=True)
    async def secret(interaction: discord.Interaction) -> None:
        assert isinstance(interaction.user, discord.Member)
        bot.answered.put_nowait(interaction.user.resolved_permissions)
        await interaction.response.send_message("yes")

    @tree.command(description="Says nothing")
    async def mute(interaction: discord.Interaction) -> None: ...

    settings = app_commands.Group(name="settings", description="Settings")
    tree.add_command(settings)

    @settings.command(description="The volume")
    async def loudness(interaction: discord.Interaction, percent: app_commands.Range[int, 0, 100]) -> None:
        await interaction.response.send_message(f"{percent} %")


@contextlib.asynccontextmanager
async def running(simulator: DiscordSimulator, bot: discord.Client) -> AsyncGenerator[None]:
    """The bot logged in and ready, until the block ends."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("discord.http.Route.BASE", simulator.api_url)
        patch.setattr("discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY", yarl.URL(simulator.gateway_url))
        task = asyncio.create_task(bot.start(simulator.token))
        try:
            await simulator.until(lambda: bot.is_ready() or task.done(), within=10, what="ready")
            assert not task.done(), task
            yield
        finally:
            await bot.close()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
async def simulator() -> AsyncGenerator[DiscordSimulator]:
    async with DiscordSimulator.start() as simulator:
        yield simulator


@pytest.fixture
def guild(simulator: DiscordSimulator) -> Guild:
    return simulator.guild("Testers")


@pytest.fixture
def chat(guild: Guild) -> TextChannel:
    return guild.text_channel("chat")


@pytest.fixture
def music(guild: Guild) -> VoiceChannel:
    return guild.voice_channel("Music")


@pytest.fixture
def ann(guild: Guild) -> Member:
    return guild.member("Ann")


@pytest.fixture
async def bot(simulator: DiscordSimulator, guild: Guild, chat: TextChannel, music: VoiceChannel) -> AsyncGenerator[Bot]:
    bot = Bot()
    async with running(simulator, bot):
        yield bot


# -- login and what is known then --


async def test_the_bot_knows_the_guild_but_not_its_members(
    simulator: DiscordSimulator, guild: Guild, music: VoiceChannel
) -> None:
    ann, bea = guild.member("Ann"), guild.member("Bea", admin=True)
    await ann.join(music, deaf=True)
    async with running(simulator, bot := Bot()):
        [seen] = bot.guilds
        assert seen.name == "Testers"
        assert {c.name for c in seen.voice_channels} == {"Music"}
        assert {m.display_name for m in seen.members} == {"Chorus", "Ann"}
        assert seen.get_member(bea.id) is None
        assert [m.display_name for m in seen.voice_channels[0].members] == ["Ann"]
        state = seen.get_member(ann.id)
        assert state
        assert state.voice
        assert state.voice.self_deaf
        assert seen.me.guild_permissions.connect
        assert str(await bot.fetch_channel(music.id)) == "Music"
        assert (await seen.fetch_member(bea.id)).guild_permissions.administrator
        assert (await bot.application_info()).id == simulator.application_id
        assert {c["name"] for c in simulator.commands} >= {"echo", "later", "settings"}


async def test_with_the_members_intent_everybody_is_known() -> None:
    intents = discord.Intents(guilds=True, voice_states=True, members=True)
    async with DiscordSimulator.start(privileged_intents=intents.value) as simulator:
        guild = simulator.guild("Testers")
        ann = guild.member("Ann")
        async with running(simulator, bot := Bot(intents)):
            assert bot.guilds[0].get_member(ann.id)


async def test_a_wrong_token_and_a_missing_intent_are_refused(simulator: DiscordSimulator) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("discord.http.Route.BASE", simulator.api_url)
        patch.setattr("discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY", yarl.URL(simulator.gateway_url))
        async with Bot() as bot:
            with pytest.raises(discord.LoginFailure):
                await bot.login("wrong")
        async with Bot(discord.Intents(guilds=True, message_content=True)) as bot:
            with pytest.raises(discord.PrivilegedIntentsRequired):
                await bot.start(simulator.token)
    assert "Disallowed intent" in simulator.failures.pop()


async def test_an_auto_sharded_client_sees_every_guild_once() -> None:
    async with DiscordSimulator.start(shards=2) as simulator:
        guilds = [simulator.guild(f"Guild {n}") for n in range(4)]
        client = discord.AutoShardedClient(intents=INTENTS, guild_ready_timeout=0.05)
        async with running(simulator, client):
            assert client.shard_count == 2
            assert {g.id: g.shard_id for g in client.guilds} == {g.id: (g.id >> 22) % 2 for g in guilds}
            assert {g.shard_id for g in client.guilds} == {0, 1}


# -- interactions --


async def test_a_command_is_answered(bot: Bot, ann: Member) -> None:
    reply = await ann.slash("echo", query="héllo", loud=True)

    assert reply.content == "HÉLLO"
    assert reply.embeds[0]["description"] == "héllo"
    assert reply.text.split("\n")[:3] == ["HÉLLO", "Echo", "héllo"]
    assert not reply.ephemeral
    assert not reply.deferred
    assert 0 < reply.ack_ms < 3000
    assert [m.content for m in reply.message.channel.messages] == ["HÉLLO"]
    loaded = await bot.answered.get()
    assert loaded.id == reply.message.id
    assert loaded.embeds[0].title == "Echo"
    await loaded.edit(content="edited")
    assert reply.content == "edited"
    assert reply.edits[0]["content"] == "HÉLLO"


async def test_a_deferred_answer_is_followed_to_its_end(bot: Bot, ann: Member, simulator: DiscordSimulator) -> None:
    reply = await ann.slash("later", whispered=True)
    assert reply.deferred
    assert reply.ephemeral
    await simulator.until(lambda: reply.content == "third")
    assert [m.content for m in reply.followups] == ["second"]
    assert reply.message.channel.messages == []
    reply = await ann.slash("later", whispered=False)
    await simulator.until(lambda: reply.content == "third")
    assert [m.content for m in reply.message.channel.messages] == ["third"]


async def test_buttons_selects_and_forms(bot: Bot, ann: Member) -> None:
    bea = ann.guild.member("Bea")
    reply = await ann.slash("echo", query="x")
    pressed = await bea.press(reply, "Skip")
    assert pressed.updated
    assert reply.content == "Bea skipped"
    assert (await bea.press(reply, custom_id="whisper")).ephemeral
    chosen = await bea.press(reply.message, custom_id="mode", values=["Fifo"])
    await ann.guild.discord.until(lambda: [m.content for m in chosen.followups] == ["mode Fifo"])
    with pytest.raises(NotPossibleError):
        await bea.press(reply, "Off")
    form = await ann.slash("form")
    assert (await ann.submit(form, volume="70")).content == "volume 70"


async def test_autocomplete_subcommands_files_and_permissions(bot: Bot, ann: Member) -> None:
    assert [c["name"] for c in await ann.autocomplete("echo", "query", "to")] == ["to0", "to1", "to2"]
    assert (await ann.slash("settings loudness", percent=30)).content == "30 %"
    reply = await ann.slash("file", song=ann.upload("a song.mp3", b"12345"), who=ann)
    assert reply.content == "a song.mp3 5 audio/mpeg Ann"
    with pytest.raises(NotPossibleError, match="hidden"):
        await ann.slash("secret")
    admin = ann.guild.member("Cat", admin=True)
    assert (await admin.slash("secret")).content == "yes"
    assert (await bot.answered.get()).manage_guild
    ann.guild.reveal("secret")
    assert (await ann.slash("secret")).content == "yes"
    assert not (await bot.answered.get()).manage_guild


@pytest.mark.parametrize(
    ("command", "options"),
    [("nothing", {}), ("echo", {}), ("echo", {"query": 3}), ("settings loudness", {"percent": 101}), ("echo x", {})],
)
async def test_what_the_client_would_not_send(bot: Bot, ann: Member, command: str, options: dict[str, Any]) -> None:
    with pytest.raises(NotPossibleError):
        await ann.slash(command, **options)


async def test_messages_are_sent_edited_and_deleted(bot: Bot, ann: Member, simulator: DiscordSimulator) -> None:
    reply = await ann.slash("shout")
    assert reply.deferred
    [message] = reply.message.channel.messages
    assert message.content == "@everyone later"
    assert message.edits == 1
    assert message.pings == []
    assert len(simulator.requested("PATCH", "/channels/")) == 1
    [upload] = simulator.requested("POST", "/messages")[1:]
    assert upload.status == 200


async def test_silence_and_lateness_are_told(
    bot: Bot, ann: Member, simulator: DiscordSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.simulators.discord.interactions.crowding", lambda: 1.0)
    with pytest.raises(NotAnsweredError, match="not acknowledged"):
        await ann.slash("mute")
    errors: list[Exception] = []

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        errors.append(error)

    simulator.faults.interaction_delay = 3.1
    with pytest.raises(NotAnsweredError):
        await ann.slash("echo", query="x")
    simulator.faults.clear()
    await simulator.until(lambda: errors)
    assert "Unknown interaction" in str(errors[0])


async def test_an_interaction_delivered_twice_is_taken_once(bot: Bot, ann: Member, simulator: DiscordSimulator) -> None:
    errors: list[Exception] = []

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        errors.append(error)

    simulator.faults.duplicate_interactions()
    reply = await ann.slash("echo", query="once")
    await simulator.until(lambda: errors)
    assert "already been acknowledged" in str(errors[0])
    assert len(reply.message.channel.messages) == 1


# -- voice states and the guild's life --


async def test_people_in_voice_are_seen(
    bot: Bot, ann: Member, simulator: DiscordSimulator, music: VoiceChannel
) -> None:
    other = ann.guild.voice_channel("Other")
    await ann.join(music)
    await ann.deafen()
    await ann.move(other)
    await ann.leave()
    expected = [("Ann", "Music", False), ("Ann", "Music", True), ("Ann", "Other", True), ("Ann", None, True)]
    await simulator.until(lambda: [e[1:] for e in bot.events if e[0] == "voice"] == expected)


async def test_channels_and_guilds_go(bot: Bot, ann: Member, simulator: DiscordSimulator, chat: TextChannel) -> None:
    await ann.guild.delete_channel(chat)
    await simulator.until(lambda: ("channel gone", "chat") in bot.events)
    other = simulator.guild("Second")
    await simulator.until(lambda: len(bot.guilds) == 2)
    await other.outage()
    await other.recover()
    await ann.guild.remove_bot()
    await simulator.until(lambda: ("removed", "Testers") in bot.events)
    assert [g.name for g in bot.guilds] == ["Second"]
    with pytest.raises(discord.Forbidden):
        await bot.fetch_channel(max(ann.guild.channels))


# -- faults --


async def test_dropped_and_asked_away_sessions_resume(
    bot: Bot, ann: Member, simulator: DiscordSimulator, music: VoiceChannel
) -> None:
    for count, fault in enumerate((simulator.gateway.drop, simulator.gateway.reconnect), 1):
        if result := fault():
            await result
        await (ann.join(music) if count == 1 else ann.leave())
        await simulator.until(lambda n=count: bot.events.count(("resumed",)) == n, within=15)
    assert [e[1:3] for e in bot.events if e[0] == "voice"] == [("Ann", "Music"), ("Ann", None)]
    assert simulator.gateway.identified == 1


async def test_an_invalid_session_identifies_anew(bot: Bot, ann: Member, simulator: DiscordSimulator) -> None:
    await simulator.gateway.invalidate()
    await simulator.until(lambda: bot.events.count(("ready",)) == 2, within=15)
    assert simulator.gateway.identified == 2
    assert (await ann.slash("echo", query="again")).content == "again"
    await simulator.gateway.close(4000)
    await simulator.until(lambda: simulator.gateway.resumed == 1, within=15)
    assert (await ann.slash("echo", query="again")).content == "again"


async def test_rate_limits_and_server_errors_are_survived(
    bot: Bot, ann: Member, simulator: DiscordSimulator, chat: TextChannel
) -> None:
    channel = bot.get_channel(chat.id)
    assert isinstance(channel, discord.TextChannel)
    limited = simulator.faults.rest("POST", "/channels/*/messages", status=429, retry_after=0.1)
    await channel.send("one")
    broken = simulator.faults.rest("POST", "/channels/*/messages", status=502)
    await channel.send("two")
    simulator.faults.rest("*", "/channels/*", status=429, via=False)
    with pytest.raises(discord.HTTPException):
        await channel.send("three")
    assert (limited.struck, broken.struck) == (1, 1)
    assert [m.content for m in chat.messages] == ["one", "two"]
    for number in range(4):
        await channel.send(str(number))
    assert len(chat.messages) == 6
    assert not [r for r in simulator.requests if r.status == 429][2:]


async def test_a_lost_answer_took_effect(bot: Bot, ann: Member, simulator: DiscordSimulator, chat: TextChannel) -> None:
    channel = bot.get_channel(chat.id)
    assert isinstance(channel, discord.TextChannel)
    simulator.faults.rest("POST", "/channels/*/messages", drop=True, after=True)
    with pytest.raises(aiohttp.ClientError):
        await channel.send("lost")
    assert [m.content for m in chat.messages] == ["lost"]


# -- strictness --


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nowhere", None, 404),
        ("POST", "/channels/{chat}/messages", {}, 400),
        ("POST", "/channels/{chat}/messages", {"content": "x" * 2001}, 400),
        ("POST", "/channels/{chat}/messages", {"content": "x", "colour": 1}, 400),
        ("POST", "/channels/{chat}/messages", {"content": "x", "flags": 64}, 400),
        ("POST", "/channels/{chat}/messages", {"embeds": [{"title": "x" * 257}]}, 400),
        ("POST", "/channels/{chat}/messages", {"components": [{"type": 2, "style": 1, "label": "x"}]}, 400),
        ("PUT", "/applications/{app}/commands", [{"name": "Loud", "description": "x"}], 400),
        ("PUT", "/applications/{app}/commands", [{"name": "quiet", "description": ""}], 400),
        ("POST", "/interactions/1/x/callback", {"type": 4}, 404),
    ],
)
async def test_mistakes_fail_the_test(
    simulator: DiscordSimulator, chat: TextChannel, method: str, path: str, body: Any, status: int
) -> None:
    url = simulator.api_url + path.format(chat=chat.id, app=simulator.application_id)
    headers = {"Authorization": f"Bot {simulator.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, url, json=body) as response,
    ):
        assert response.status == status
        assert response.headers["Content-Type"] == "application/json"
        assert "code" in await response.json()
    assert len(simulator.failures) == 1
    with pytest.raises(AssertionError):
        simulator.check()
    simulator.failures.clear()


async def test_a_request_without_a_token_fails_the_test(simulator: DiscordSimulator) -> None:
    async with aiohttp.ClientSession() as session, session.get(simulator.api_url + "/users/@me") as response:
        assert response.status == 401
    assert "401" in simulator.failures.pop()
