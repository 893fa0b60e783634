"""The tables, by what they are about."""

from db.models.base import metadata
from db.models.memory import audit, favourites, measures, plays, pushes
from db.models.nodes import node_drains, node_sessions, slots
from db.models.people import chats, codes, identities, links, live_messages, persons, places, visits
from db.models.plans import covers, entitlements, grants
from db.models.rooms import commands, entries, polls, presences, rooms, turns, votes

__all__ = [
    "audit",
    "chats",
    "codes",
    "commands",
    "covers",
    "entitlements",
    "entries",
    "favourites",
    "grants",
    "identities",
    "links",
    "live_messages",
    "measures",
    "metadata",
    "node_drains",
    "node_sessions",
    "persons",
    "places",
    "plays",
    "polls",
    "presences",
    "pushes",
    "rooms",
    "slots",
    "turns",
    "visits",
    "votes",
]
