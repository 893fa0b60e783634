"""Letters by the real clients to the simulators of Discord and Telegram and to an SMTP server: told once, or not."""

import asyncio
import email
import email.policy
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import discord
import pytest
from aiosmtpd import smtp
from discord.http import Route
from pydantic import SecretStr
from sqlalchemy import select
from telegram import Bot
from telegram.request import HTTPXRequest

from billing.notices import Jobs
from bot.config import Settings
from bot.keys import Keys
from bot.mail import Mail, greet
from bot.mail_server import MailUrlError, Server, server_of
from bot.notices import Notices
from cogs.telegram.stars_only import StarsOnly
from core.enums import Surface
from core.ports.notices import NotSentError
from core.records.notices import Channel, Contact, Notice, NoticeKind, Topic
from core.types import Identity, PersonId, PlaceId
from db.engine import Database
from db.groups import Groups
from db.migrate import migrate
from db.models import outbox
from db.people import SqlPeople
from db.places import SqlPlaces
from tests.db.commands import MovedClock, Recorder
from tests.simulators.discord import DiscordSimulator, Member
from tests.simulators.discord.certificates import authority
from tests.simulators.telegram import Person, TelegramSimulator
from tests.waiting import free_port

PAGE = "https://chorus.example.org"
HOUR = 3_600_000


@dataclass
class MailServer:
    """What it took; `answer` is what it says to the next letters, `hangs_up` after it took one."""

    port: int
    mails: list[EmailMessage] = field(default_factory=list[EmailMessage])
    raw: list[bytes] = field(default_factory=list[bytes])
    users: list[str] = field(default_factory=list[str])
    encrypted: list[bool] = field(default_factory=list[bool])
    answer: str = ""
    hangs_up: bool = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 -- aiosmtpd's name
        if self.answer:
            return self.answer
        self.mails.append(email.message_from_bytes(envelope.content, policy=email.policy.default))  # pyright: ignore[reportArgumentType] -- that policy makes EmailMessages
        self.raw.append(envelope.content)
        self.encrypted.append(session.ssl is not None)
        if self.hangs_up:
            server.transport.abort()
        return "250 OK"

    def enter(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> smtp.AuthResult:
        self.users.append(f"{data.login.decode()}:{data.password.decode()}")
        return smtp.AuthResult(success=data.password == b"s3cret/")


@pytest.fixture
async def mail_server() -> AsyncIterator[MailServer]:
    """It offers STARTTLS, and takes letters of those who come in."""
    mails, loop = MailServer(free_port()), asyncio.get_running_loop()

    def protocol() -> smtp.SMTP:
        return smtp.SMTP(
            mails,
            hostname="mail.example.org",
            tls_context=authority().server,
            require_starttls=True,
            authenticator=mails.enter,
            auth_required=True,
            loop=loop,
        )

    server = await loop.create_server(protocol, "127.0.0.1", mails.port)
    yield mails
    server.close()
    await server.wait_closed()


class Installation:
    """A bot with every channel, and Ann, who is reached by all of them."""

    def __init__(self, database: Database, discord: DiscordSimulator, telegram: TelegramSimulator, port: int) -> None:
        self.discord, self.telegram, self.clock, self.jobs = discord, telegram, MovedClock(), Jobs()
        self.database = database
        self.client = _client()
        self.bot = _bot(telegram)
        self.ann: Member = discord.guild("Guild").member("Ann")
        self.phone: Person = telegram.user("Ann")
        telegram.private(self.phone)
        self.connected = True
        settings = Settings(
            discord_token=SecretStr(discord.token),
            telegram_token=SecretStr(telegram.token),
            smtp_url=SecretStr(f"smtp://billing%40example.org:s3cret%2F@127.0.0.1:{port}"),
            public_url=PAGE,
            _env_file=None,  # pyright: ignore[reportCallIssue] -- of pydantic-settings
        )
        self.notices = Notices(
            settings,
            database,
            self.clock,
            Keys("k"),
            self.jobs,
            discord=lambda: self.client if self.connected else None,
            telegram=lambda: self.bot,
        )
        self.person = PersonId("")

    async def start(self) -> None:
        await self.client.login(self.discord.token)
        await self.bot.initialize()
        places = SqlPlaces(self.database, self.clock)
        one = Identity(Surface.DISCORD, str(self.ann.id), "Ann")
        other = Identity(Surface.TELEGRAM, str(self.phone.id), "Ann")
        self.person = await places.person(one)
        await places.person(other)
        await SqlPeople(self.database, Recorder(), self.clock, Groups()).link(one, other)
        await self.notices.outbox.put(Contact(self.person, "ann@example.org", "es"))

    async def tell(self, key: str = "paid:in_1", **data: object) -> None:
        told = {"plan": "pro", "amount": 500, "currency": "eur", "until": self.clock.now(), **data}
        await self.notices.outbox.put(Notice(key, NoticeKind.PAID, self.person, data=told))

    async def deliver(self) -> None:
        for channel in await self.notices.outbox.waiting():
            await self.notices.courier.drain(channel)

    async def state(self, channel: Channel) -> str:
        async with self.database.read() as connection:
            chosen = select(outbox.c.state).where(outbox.c.channel == channel.value)
            return await connection.scalar(chosen) or ""

    @property
    def direct(self) -> list[str]:
        """What Ann got on Discord."""
        return [message.content for message in self.discord.direct.to(self.ann.id)]

    @property
    def private(self) -> list[str]:
        """And on Telegram."""
        return self.phone.private.said


def _client() -> discord.Client:
    return discord.Client(intents=discord.Intents.none())


def _bot(world: TelegramSimulator) -> Bot:
    request = StarsOnly(read_timeout=2)
    return Bot(world.token, base_url=f"{world.api_url}/bot", request=request, get_updates_request=HTTPXRequest())


@pytest.fixture
async def house(
    sqlite_url: str, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    database = Database(sqlite_url)
    await migrate(database)
    async with DiscordSimulator.start() as simulated, TelegramSimulator.start() as telegram:
        monkeypatch.setattr(Route, "BASE", simulated.api_url)
        house = Installation(database, simulated, telegram, mail_server.port)
        house.notices.courier._messengers[Channel.EMAIL]._trust = _trust()  # pyright: ignore[reportAttributeAccessIssue, reportIndexIssue] -- the tests' own authority
        await house.start()
        yield house
        await house.client.close()
        await house.bot.shutdown()
    await database.close()


def _trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(authority().ca_file))


async def test_every_channel_tells_it_once_in_the_persons_language(
    house: Installation, mail_server: MailServer
) -> None:
    for _ in range(2):
        await house.tell()
        await house.deliver()
    (direct,), (private,), (mail,) = house.direct, house.private, mail_server.mails
    for text in (direct, private, str(mail.get_content())):
        assert text.startswith("Gracias: llegaron 5,00\xa0€ por Pro.")
        assert f"{PAGE}/notices/" in text
    assert f"<t:{house.clock.now() // 1000}:D>" in direct
    assert (mail["To"], mail["Subject"], mail["Auto-Submitted"]) == ("ann@example.org", "Tu pago", "auto-generated")
    assert mail["From"] == "Chorus <billing@example.org>"
    assert mail["List-Unsubscribe"].startswith(f"<{PAGE}/unsubscribe/")
    assert mail["List-Unsubscribe"].endswith("/receipts>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.get_content_type() == "text/plain"
    assert (mail_server.users, mail_server.encrypted) == (["billing@example.org:s3cret/"], [True])


async def test_a_mail_program_reads_where_to_end_it_and_no_line_is_too_long(
    house: Installation, mail_server: MailServer
) -> None:
    """The address stands there as it is: RFC 2369 knows no encoded words, and lines end at 998 bytes (RFC 5322)."""
    url = "https://invoice.stripe.com/" + "ñandú" * 240
    await house.tell(url=url)
    await house.deliver()
    (raw,), (mail,) = mail_server.raw, mail_server.mails
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii").split("\r\n")
    (found,) = [it for it in head if it.startswith("List-Unsubscribe:")]
    ticket = found.removeprefix(f"List-Unsubscribe: <{PAGE}/unsubscribe/").removesuffix("/receipts>")
    assert house.notices.desk.tickets.person(ticket) == house.person
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert url in str(mail.get_content())


async def test_the_link_in_a_message_is_the_persons_own(house: Installation) -> None:
    await house.tell()
    await house.deliver()
    ticket = house.direct[0].rpartition("/notices/")[2].rstrip(">")
    assert house.notices.desk.tickets.person(ticket) == house.person
    assert [it.key for it in await house.notices.desk.board.unread(house.person)] == ["paid:in_1"]


async def test_a_payments_address_is_never_shown_on_telegram(house: Installation, mail_server: MailServer) -> None:
    await house.tell(url="https://invoice.stripe.com/i/1")
    await house.deliver()
    assert "stripe" not in house.private[0]
    assert "https://invoice.stripe.com/i/1" in house.direct[0]
    assert "https://invoice.stripe.com/i/1" in str(mail_server.mails[0].get_content())
    (shown,) = await house.notices.desk.board.unread(house.person)
    assert "stripe" not in house.notices.desk.told(shown, "en")


async def test_a_chat_that_is_called_like_such_an_address_is_told_all_the_same(house: Installation) -> None:
    fans = PlaceId("telegram:-5")
    await SqlPlaces(house.database, house.clock).place_room(fans, "stripe.com fans")
    told = {"plan": "pro", "amount": 500, "currency": "eur", "until": house.clock.now()}
    await house.notices.outbox.put(Notice("paid:in_1", NoticeKind.PAID, house.person, fans, told))
    await house.deliver()
    assert "… fans" in house.private[0]
    assert await house.state(Channel.TELEGRAM) == "sent"


async def test_a_cut_line_doubles_nothing(house: Installation, mail_server: MailServer) -> None:
    """Each took the message and its answer got lost: Discord knows the nonce, the others are not asked again."""
    house.discord.faults.rest("POST", "/channels/*/messages", drop=True, after=True)
    house.telegram.faults.on("sendMessage", drop=True, after=True)
    mail_server.hangs_up = True
    await house.tell()
    await house.deliver()
    mail_server.hangs_up = False
    for _ in range(3):
        house.clock.time += HOUR
        await house.deliver()
    assert [len(house.direct), len(house.private), len(mail_server.mails)] == [1, 1, 1]
    states = [await house.state(it) for it in (Channel.DISCORD, Channel.TELEGRAM, Channel.EMAIL)]
    assert states == ["sent", "unsure", "unsure"]


async def test_what_was_not_taken_is_tried_again(house: Installation, mail_server: MailServer) -> None:
    house.discord.faults.rest("POST", "/users/@me/channels", status=503)
    house.telegram.faults.on("sendMessage", 429, retry_after=120)
    mail_server.answer = "451 later"
    await house.tell()
    house.connected = False
    await house.deliver()
    assert not [*house.direct, *house.private, *mail_server.mails]
    house.connected, mail_server.answer = True, ""
    house.clock.time += 119_000
    await house.deliver()
    assert not house.private, "Telegram said when"
    house.discord.faults.clear()
    for _ in range(2):
        house.clock.time += HOUR
        await house.deliver()
    assert [len(house.direct), len(house.private), len(mail_server.mails)] == [1, 1, 1]


@pytest.mark.parametrize("refusal", [{"status": 429, "via": False}, {"status": 401}])
async def test_what_was_refused_for_now_is_not_lost(house: Installation, refusal: dict[str, Any]) -> None:
    """A proxy that bans our address, a token that is being changed: neither is about the message."""
    house.discord.faults.rest("POST", "/channels/*/messages", **refusal)
    await house.tell()
    await house.deliver()
    assert (house.direct, await house.state(Channel.DISCORD)) == ([], "waiting")
    house.clock.time += HOUR
    await house.deliver()
    assert (len(house.direct), await house.state(Channel.DISCORD)) == (1, "sent")


async def test_who_takes_no_messages_is_left_alone(house: Installation, mail_server: MailServer) -> None:
    house.discord.direct.closed.add(house.ann.id)
    house.phone.blocked = True
    mail_server.answer = "550 no such mailbox"
    await house.tell()
    for _ in range(3):
        await house.deliver()
        house.clock.time += HOUR
    house.discord.direct.closed.clear()
    house.phone.blocked, mail_server.answer = False, ""
    await house.deliver()
    assert not [*house.direct, *house.private, *mail_server.mails]
    assert {await house.state(it) for it in (Channel.DISCORD, Channel.TELEGRAM, Channel.EMAIL)} == {"refused"}
    assert await house.notices.desk.board.unread(house.person), "the page has it"


async def test_what_is_no_address_gets_nothing(house: Installation) -> None:
    await house.notices.outbox.put(Contact(house.person, "not an address"))
    await house.tell()
    await house.deliver()
    assert await house.state(Channel.EMAIL) == "refused"
    nowhere = server_of(f"smtp://127.0.0.1:{free_port()}?from=a@example.org")
    with pytest.raises(NotSentError):
        await greet(nowhere)


async def test_mail_goes_out_over_tls_or_not_at_all(mail_server: MailServer) -> None:
    """A server elsewhere that offers no STARTTLS, or shows a certificate of nobody we trust, gets nothing."""
    there = Server("localhost.", mail_server.port, tls=False, user=None, password=None, sender="a@example.org")
    with pytest.raises(NotSentError):
        await greet(there)
    assert mail_server.users == []


async def test_an_address_that_brings_a_header_is_refused(house: Installation, mail_server: MailServer) -> None:
    await house.notices.outbox.put(Contact(house.person, "ann@example.org\r\nBcc: all@example.org"))
    await house.tell()
    await house.deliver()
    assert (mail_server.mails, await house.state(Channel.EMAIL)) == ([], "refused")


async def test_a_topic_ended_by_link_is_not_told(house: Installation, mail_server: MailServer) -> None:
    await house.notices.desk.board.mute(house.person, Topic.RECEIPTS, on=True)
    await house.tell()
    await house.deliver()
    assert [len(house.direct), len(house.private), len(mail_server.mails)] == [1, 0, 0]


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.org", Server("mail.example.org", 587, False, None, None, "chorus@mail.example.org")),
        ("smtps://a%40b.org:p%2Fw@mail.b.org", Server("mail.b.org", 465, True, "a@b.org", "p/w", "a@b.org")),
        ("smtp://u:p@mail.b.org:25?from=c@b.org", Server("mail.b.org", 25, False, "u", "p", "c@b.org")),
    ],
)
def test_addresses_of_mail_servers(url: str, server: Server) -> None:
    assert server_of(url) == server


@pytest.mark.parametrize("url", ["mail.b.org", "http://b.org", "smtp://", "smtp://b.org:x", "smtp://b.org?from=c"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(MailUrlError):
        server_of(url)


def test_mail_is_a_channel_that_knows_no_repeats() -> None:
    mail = Mail(server_of("smtp://b.org"), MovedClock(), lambda _: None, lambda _: None)
    assert (mail.repeatable, mail.ready) == (0, True)
