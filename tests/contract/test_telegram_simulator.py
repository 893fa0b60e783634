"""The simulated Bot API, through the real client's classes: what it answers loads, what it refuses is refused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import aiohttp.web
import pytest
import telegram
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllGroupChats,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InputTextMessageContent,
    ReactionTypeEmoji,
    ReplyParameters,
    Update,
    WebAppInfo,
)
from telegram.constants import ChatMemberStatus, ParseMode
from telegram.error import BadRequest, ChatMigrated, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter
from telegram.request import HTTPXRequest

from tests.simulators.telegram import Chat, Person, TelegramSimulator
from tests.waiting import until

ALL = [
    "message",
    "edited_message",
    "channel_post",
    "callback_query",
    "inline_query",
    "my_chat_member",
    "chat_member",
    "message_reaction",
]
ROW = InlineKeyboardMarkup([[InlineKeyboardButton("Skip", callback_data="skip:1")]])


class Rig:
    """A bot and a group with its owner Ann and with Ben."""

    def __init__(self, world: TelegramSimulator, bot: Bot) -> None:
        self.world, self.bot = world, bot
        self.ann, self.ben = world.user("Ann", username="ann"), world.user("Ben", language="es")
        self.group = world.group("Testers", self.ann, self.ben)
        self._offset = 0

    async def updates(self, count: int = 1) -> list[Update]:
        """The next ones, confirmed."""
        found: list[Update] = []
        while len(found) < count:
            more = await self.bot.get_updates(self._offset, timeout=2, allowed_updates=ALL)
            assert more, "no update came"
            self._offset = more[-1].update_id + 1
            found += more
        return found

    def mistakes(self, *words: str) -> None:
        """The client's mistakes were exactly these, and are forgiven."""
        found, self.world.failures = self.world.failures, []
        assert len(found) == len(words), found
        assert all(word in one for word, one in zip(words, found, strict=True)), found


def bot_of(world: TelegramSimulator, token: str = "") -> Bot:
    request, polling = HTTPXRequest(read_timeout=5), HTTPXRequest(read_timeout=5)
    return Bot(
        token or world.token,
        base_url=f"{world.api_url}/bot",
        base_file_url=f"{world.api_url}/file/bot",
        request=request,
        get_updates_request=polling,
    )


@pytest.fixture
async def rig(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Rig]:
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    async with TelegramSimulator.start() as world, bot_of(world) as bot:
        yield Rig(world, bot)


async def test_the_bot_and_its_menus(rig: Rig) -> None:
    me = await rig.bot.get_me()
    assert me.is_bot
    assert me.supports_inline_queries
    assert not me.can_read_all_group_messages
    scope = BotCommandScopeAllGroupChats()
    assert await rig.bot.set_my_commands([BotCommand("play", "Play")], scope=scope, language_code="es")
    (command,) = await rig.bot.get_my_commands(scope=scope, language_code="es")
    assert command == BotCommand("play", "Play")
    assert await rig.bot.get_my_commands() == ()
    assert await rig.bot.delete_my_commands(scope=scope, language_code="es")
    assert await rig.bot.set_my_description("Music", language_code="en")
    assert (await rig.bot.get_my_description("en")).description == "Music"
    assert await rig.bot.set_my_short_description("Music")
    assert await rig.bot.set_my_name("Chorus")
    assert (await rig.bot.get_my_name()).name == "Chorus"
    assert await rig.bot.set_chat_menu_button(rig.ann.id)
    with pytest.raises(BadRequest, match=r"(?i)COMMAND_INVALID"):
        await rig.bot.set_my_commands([BotCommand("Play!", "Play")])
    rig.mistakes("BOT_COMMAND_INVALID")


async def test_a_wrong_token_is_refused() -> None:
    async with TelegramSimulator.start() as world:
        bot = bot_of(world, f"{world.bot.id}:wrong")
        with pytest.raises(InvalidToken):
            await bot.initialize()
        await bot.shutdown()


async def test_a_message_its_edits_and_its_end(rig: Rig) -> None:
    sent = await rig.bot.send_message(
        rig.group.id, "<b>Aria</b> &amp; <i>more</i>", parse_mode=ParseMode.HTML, reply_markup=ROW
    )
    assert sent.text == "Aria & more"
    assert [one.type for one in sent.entities] == ["bold", "italic"]
    assert sent.parse_entity(sent.entities[1]) == "more"
    assert sent.reply_markup == ROW
    edited = await rig.bot.edit_message_text("Blues", rig.group.id, sent.message_id, reply_markup=ROW)
    assert isinstance(edited, telegram.Message)
    assert edited.text == "Blues"
    assert edited.edit_date is not None
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await rig.bot.edit_message_text("Blues", rig.group.id, sent.message_id, reply_markup=ROW)
    bare = await rig.bot.edit_message_reply_markup(rig.group.id, sent.message_id)
    assert isinstance(bare, telegram.Message)
    assert bare.reply_markup is None
    assert await rig.bot.delete_message(rig.group.id, sent.message_id)
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await rig.bot.edit_message_text("Chant", rig.group.id, sent.message_id)


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        ("<b>open", {"parse_mode": "HTML"}, "can't parse entities"),
        ("<p>no</p>", {"parse_mode": "HTML"}, "Unsupported start tag"),
        ("a & b", {"parse_mode": "HTML"}, "can't parse entities"),
        (" ", {}, "text is empty"),
        ("x" * 4097, {}, "message is too long"),
        ("x", {"reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="y" * 65)]])}, "BUTTON"),
        ("x", {"reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", url="http://localhost")]])}, "URL"),
        (
            "x",
            {"reply_markup": InlineKeyboardMarkup([[InlineKeyboardButton("x", web_app=WebAppInfo("https://a.b"))]])},
            "BUTTON_TYPE_INVALID",
        ),
    ],
)
async def test_what_telegram_refuses_fails_the_test(rig: Rig, text: str, more: dict[str, Any], why: str) -> None:
    with pytest.raises(BadRequest, match=rf"(?i){why}"):
        await rig.bot.send_message(rig.group.id, text, **more)
    rig.mistakes(why)


async def test_an_unknown_parameter_is_refused(rig: Rig) -> None:
    with pytest.raises(BadRequest, match=r"(?i)unknown parameter colour"):
        await rig.bot.send_message(rig.group.id, "x", api_kwargs={"colour": "red"})
    rig.mistakes("colour")


async def test_what_people_say_arrives_as_privacy_allows(rig: Rig) -> None:
    rig.ann.post("hello", rig.group)
    rig.ann.post("/play@another_bot x", rig.group)
    command = rig.ann.post("/play@chorus_test_bot Aria", rig.group)
    (update,) = await rig.updates()
    message = update.message
    assert message is not None
    assert message.message_id == command.id
    assert message.from_user is not None
    assert message.from_user.language_code == "en"
    assert message.parse_entity(message.entities[0]) == "/play@chorus_test_bot"
    answer = await rig.bot.send_message(rig.group.id, "ok", reply_parameters=ReplyParameters(command.id))
    assert answer.reply_to_message is not None
    rig.ben.post("thanks", rig.group, reply_to=rig.group.messages[answer.message_id])
    (update,) = await rig.updates()
    assert update.message is not None
    assert update.message.reply_to_message == answer
    rig.ann.edit(command, "/play Blues")
    (update,) = await rig.updates()
    assert update.edited_message is not None
    rig.ben.post("hi")
    (update,) = await rig.updates()
    assert update.effective_chat is not None
    assert update.effective_chat.type == "private"


async def test_topics_channels_and_anonymous_admins(rig: Rig) -> None:
    topic = rig.group.topic("Music")
    rig.ann.post("/now", rig.group, topic=topic)
    channel = rig.world.group("News", rig.ann, kind="channel")
    rig.ann.post("/now", channel)
    rig.ann.post("/now", rig.group, anonymous=True)
    first, post, hidden = await rig.updates(3)
    assert first.message is not None
    assert first.message.message_thread_id == topic
    assert first.message.is_topic_message
    assert post.channel_post is not None
    assert post.channel_post.sender_chat is not None
    assert hidden.message is not None
    assert hidden.message.sender_chat == hidden.message.chat
    sent = await rig.bot.send_message(rig.group.id, "here", message_thread_id=topic)
    assert sent.message_thread_id == topic
    with pytest.raises(BadRequest, match=r"(?i)thread not found"):
        await rig.bot.send_message(rig.group.id, "here", message_thread_id=9_999)


async def test_members_and_rights(rig: Rig) -> None:
    bot, group = rig.bot, rig.group
    assert (await bot.get_chat(group.id)).title == "Testers"
    assert (await bot.get_chat_member(group.id, rig.ann.id)).status == ChatMemberStatus.OWNER
    rig.ann.promote(group, rig.ben, can_pin_messages=True)
    admins = await bot.get_chat_administrators(group.id)
    assert {one.user.id for one in admins} == {rig.ann.id, rig.ben.id}
    assert await bot.get_chat_member_count(group.id) == 3
    sent = await bot.send_message(group.id, "x")
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to manage pinned"):
        await bot.pin_chat_message(group.id, sent.message_id)
    rig.ann.promote(group, rig.world.bot, can_pin_messages=True)
    (update,) = await rig.updates()
    assert update.my_chat_member is not None
    assert update.my_chat_member.new_chat_member.status == ChatMemberStatus.ADMINISTRATOR
    assert await bot.pin_chat_message(group.id, sent.message_id)
    assert (await bot.get_chat(group.id)).pinned_message == sent
    rig.ann.demote(group, rig.ben)
    (update,) = await rig.updates()
    assert update.chat_member is not None
    rig.ann.mute(group, rig.world.bot)
    with pytest.raises(BadRequest, match=r"(?i)not enough rights to send"):
        await bot.send_message(group.id, "x")
    rig.ann.kick(group, rig.world.bot)
    with pytest.raises(Forbidden, match=r"(?i)kicked"):
        await bot.send_message(group.id, "x")
    restricted, kicked = await rig.updates(2)
    assert restricted.my_chat_member is not None
    assert kicked.my_chat_member is not None
    assert kicked.my_chat_member.new_chat_member.status == ChatMemberStatus.BANNED


async def test_presses_reactions_and_inline_mode(rig: Rig) -> None:
    sent = await rig.bot.send_message(rig.group.id, "x", reply_markup=ROW)
    press = asyncio.create_task(rig.ben.press(rig.group.live, "Skip"))
    (update,) = await rig.updates()
    assert update.callback_query is not None
    assert update.callback_query.data == "skip:1"
    assert update.callback_query.message == sent
    assert await update.callback_query.answer("1 of 2")
    assert (await press).text == "1 of 2"
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await update.callback_query.answer("again")

    rig.ben.react(rig.group.live, "👍")
    rig.ann.promote(rig.group, rig.world.bot)
    rig.ben.react(rig.group.live, "👎")
    _, update = await rig.updates(2)
    assert update.message_reaction is not None
    assert update.message_reaction.new_reaction == (ReactionTypeEmoji("👎"),)
    assert await rig.bot.set_message_reaction(rig.group.id, sent.message_id, "👌")

    typed = asyncio.create_task(rig.ann.inline("aria"))
    (update,) = await rig.updates()
    assert update.inline_query is not None
    article = InlineQueryResultArticle("1", "Aria", InputTextMessageContent("Aria"), reply_markup=ROW)
    assert await update.inline_query.answer([article], is_personal=True)
    (result,) = await typed
    chosen = rig.ann.choose(result, rig.group)
    press = asyncio.create_task(rig.ann.press(chosen, "Skip"))
    (update,) = await rig.updates()
    assert update.callback_query is not None
    assert update.callback_query.inline_message_id == chosen.inline_id
    assert await rig.bot.edit_message_text("Added", inline_message_id=chosen.inline_id) is True
    await update.callback_query.answer()
    await press


async def test_files_go_both_ways(rig: Rig) -> None:
    rig.ann.send_audio(b"sound", name="aria.mp3", title="Aria", performer="Bach", duration=3)
    (update,) = await rig.updates()
    assert update.message is not None
    audio = update.message.audio
    assert audio is not None
    assert (audio.title, audio.performer, audio.file_name, audio.file_size) == ("Aria", "Bach", "aria.mp3", 5)
    file = await audio.get_file()
    assert await file.download_as_bytearray() == b"sound"
    async with aiohttp.ClientSession() as session, session.get(f"{rig.world.api_url}/file/botwrong/x") as answer:
        assert answer.status == 401
    sent = await rig.bot.send_audio(rig.group.id, b"more", title="Blues", filename="blues.mp3", caption="<b>x</b>")
    assert sent.audio is not None
    assert sent.audio.title == "Blues"
    again = await rig.bot.send_audio(rig.group.id, sent.audio.file_id)
    assert again.audio == sent.audio
    assert (await rig.bot.send_voice(rig.group.id, b"x")).voice is not None
    assert (await rig.bot.send_document(rig.group.id, b"x", filename="list.json")).document is not None
    rig.world.files.by_id[audio.file_id].size = 21 * 1024 * 1024
    with pytest.raises(BadRequest, match=r"(?i)file is too big"):
        await audio.get_file()
    rig.ann.send_voice(b"x")
    rig.ann.send_document(b"x", name="a.flac")
    voice, document = await rig.updates(2)
    assert voice.message is not None
    assert voice.message.voice is not None
    assert document.message is not None
    assert document.message.document is not None


async def test_two_pollers_of_one_token(rig: Rig) -> None:
    async with bot_of(rig.world) as other:
        first = asyncio.create_task(rig.bot.get_updates(timeout=5))
        await until(lambda: rig.world.updates.pollers == 1)
        second = asyncio.create_task(other.get_updates(timeout=5))
        with pytest.raises(Conflict, match=r"(?i)terminated by other"):
            await first
        rig.ann.post("hi")
        assert len(await second) == 1


async def test_an_unconfirmed_update_comes_again(rig: Rig) -> None:
    rig.ann.post("one")
    (first,) = await rig.bot.get_updates()
    (same,) = await rig.bot.get_updates()
    assert first == same
    rig.world.faults.double_updates()
    rig.ann.post("two")
    assert [one.update_id for one in await rig.updates(3)][-2:] == [first.update_id + 1] * 2


async def test_a_webhook_gets_the_secret_and_excludes_polling(rig: Rig) -> None:
    got: list[tuple[str | None, int]] = []

    async def hook(request: aiohttp.web.Request) -> aiohttp.web.Response:
        got.append((request.headers.get("X-Telegram-Bot-Api-Secret-Token"), (await request.json())["update_id"]))
        return aiohttp.web.Response(status=500 if len(got) == 1 else 200)

    app = aiohttp.web.Application()
    app.router.add_post("/hook", hook)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    rig.world.webhooks["https://bot.example.org"] = f"http://127.0.0.1:{runner.addresses[0][1]}"
    assert await rig.bot.set_webhook("https://bot.example.org/hook", secret_token="s3cret")
    with pytest.raises(Conflict, match=r"(?i)webhook is active"):
        await rig.bot.get_updates()
    rig.ann.post("hi")
    await until(lambda: len(got) == 2)
    assert {one[0] for one in got} == {"s3cret"}
    assert len({one[1] for one in got}) == 1
    info = await rig.bot.get_webhook_info()
    assert info.pending_update_count == 0
    assert info.url == "https://bot.example.org/hook"
    assert await rig.bot.delete_webhook()
    await runner.cleanup()
    with pytest.raises(BadRequest, match=r"(?i)HTTPS"):
        await rig.bot.set_webhook("http://bot.example.org/hook")
    rig.mistakes("HTTPS")


async def test_a_flood_is_stopped_and_other_chats_are_not(rig: Rig) -> None:
    other = rig.world.group("Others", rig.ann)
    for number in range(20):
        await rig.bot.send_message(rig.group.id, f"{number}")
    with pytest.raises(RetryAfter) as flood:
        await rig.bot.send_message(rig.group.id, "more")
    assert 1 <= int(flood.value._retry_after.total_seconds()) <= 60
    assert await rig.bot.send_message(other.id, "x")
    assert rig.world.floods == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"code": 429, "description": "Too Many Requests: retry after 3", "retry_after": 3}, RetryAfter),
        ({"code": 502}, NetworkError),
        ({"code": 400, "description": "Bad Request: chat not found"}, BadRequest),
        ({"drop": True}, NetworkError),
    ],
)
async def test_faults_strike_once(rig: Rig, fault: dict[str, Any], error: type[Exception]) -> None:
    rig.world.faults.on("sendMessage", **fault)
    with pytest.raises(error):
        await rig.bot.send_message(rig.group.id, "x")
    assert await rig.bot.send_message(rig.group.id, "x")


async def test_a_group_grows(rig: Rig) -> None:
    small = rig.world.group("Small", rig.ann, kind="group")
    grown = rig.world.migrate(small)
    old, new = await rig.updates(2)
    assert old.message is not None
    assert old.message.migrate_to_chat_id == grown.id
    assert new.message is not None
    assert new.message.migrate_from_chat_id == small.id
    with pytest.raises(ChatMigrated) as moved:
        await rig.bot.send_message(small.id, "x")
    assert moved.value.new_chat_id == grown.id


async def test_every_method_is_known_to_the_client(rig: Rig) -> None:
    """No name is made up: each of the simulator's methods is one of PTB's."""
    known = {name for name in dir(Bot) if not name.startswith("_")}
    made: Callable[[str], str] = lambda name: name[0].lower() + name[1:]  # noqa: E731
    assert {made(name) for name in rig.world.server.methods} <= known
    assert len(rig.world.server.methods) >= 40


def test_people_are_told_apart() -> None:
    world = TelegramSimulator()
    first, second = world.user("Ann"), world.user("Ann")
    assert isinstance(first, Person)
    assert first.id != second.id
    assert isinstance(first.private, Chat)
