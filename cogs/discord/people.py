"""Who people are, and who is in a guild's voice channel."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping

import discord

from core.enums import Hearing, Surface
from core.ports.clock import Clock
from core.ports.places import Places, RoomRef
from core.ports.rooms import Rooms
from core.reports import Reports
from core.types import Identity, PersonId, Presence, RoomId

KNOWN_PEOPLE = 50_000


class People:
    """Finds persons and rooms, and tells rooms who hears them."""

    def __init__(self, rooms: Rooms, reports: Reports, places: Places, clock: Clock) -> None:
        self._rooms = rooms
        self._reports = reports
        self._places = places
        self._clock = clock
        self._account = 0
        self._persons: dict[tuple[int, str], PersonId] = {}
        self._refs: dict[int, RoomRef] = {}
        self._guilds: dict[RoomId, int] = {}
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def load(self, account: int) -> None:
        """Learn which guilds have a room of this bot account already."""
        self._account = account
        for ref in await self._places.all_rooms():
            if ref.bot_account == account and ref.guild is not None:
                self._keep(ref, ref.guild)

    def _keep(self, ref: RoomRef, guild: int) -> RoomRef:
        self._refs[guild] = ref
        self._guilds[ref.room] = guild
        return ref

    async def room(self, guild: discord.Guild) -> RoomRef:
        """The guild's room, made if need be."""
        known = self._refs.get(guild.id)
        if known is not None and known.name == guild.name:
            return known
        return self._keep(await self._places.guild_room(self._account, guild.id, guild.name), guild.id)

    def guild_of(self, room: RoomId) -> int | None:
        """The guild whose room this is."""
        return self._guilds.get(room)

    def room_of(self, guild: int) -> RoomId | None:
        """The guild's room, if it has one already."""
        ref = self._refs.get(guild)
        return ref.room if ref else None

    async def person(self, user: discord.User | discord.Member) -> PersonId:
        """The person behind an account."""
        key = (user.id, user.display_name)
        known = self._persons.get(key)
        if known is None:
            if len(self._persons) >= KNOWN_PEOPLE:
                self._persons.clear()
            known = await self._places.person(Identity(Surface.DISCORD, str(user.id), user.display_name))
            self._persons[key] = known
        return known

    def account(self, person: PersonId) -> int | None:
        """The account of a person who did something since the start, else None."""
        return next((user for (user, _), known in self._persons.items() if known == person), None)

    async def names(self, people: Collection[PersonId]) -> Mapping[PersonId, str]:
        """What people are called."""
        return await self._places.names(people)

    async def restate(self, guild: discord.Guild) -> None:
        """Tell the guild's room who is in its voice channel; a guild without a room is left alone."""
        ref = self._refs.get(guild.id)
        if ref is None:
            return
        async with self._locks[guild.id]:
            channel = guild.get_channel((await self._rooms.read(ref.room)).voice_channel or 0)
            members = channel.members if isinstance(channel, discord.VoiceChannel | discord.StageChannel) else []
            there = [await self._presence(ref, member) for member in members if not member.bot]
            await self._reports.people(ref.room, ref.place, there)

    async def _presence(self, ref: RoomRef, member: discord.Member) -> Presence:
        voice = member.voice
        return Presence(
            person=await self.person(member),
            place=ref.place,
            hearing=Hearing.VOICE,
            name=member.display_name,
            since=self._clock.now(),
            deaf=voice is not None and (voice.self_deaf or voice.deaf),
        )

    async def put_out(self, guild: discord.Guild) -> None:
        """The bot is not in the guild any more."""
        ref = self._refs.get(guild.id)
        if ref is not None:
            await self._reports.voice_lost(ref.room, "removed")
