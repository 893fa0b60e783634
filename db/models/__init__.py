"""The tables, by what they are about."""

from db.models.base import metadata
from db.models.memory import audit, favourites, measures, plays, pushes
from db.models.nodes import node_drains, node_sessions, slots
from db.models.notices import contacts, mutes, outbox
from db.models.payments import (
    accounts,
    attempts,
    charges,
    disputes,
    inbox,
    invoices,
    refunds,
    subscriptions,
    sync_targets,
    trials,
)
from db.models.people import chats, codes, identities, links, live_messages, persons, places, visits
from db.models.plans import covers, entitlements, grants
from db.models.rooms import commands, entries, polls, presences, rooms, turns, votes
from db.models.tips import payees, tips
from db.models.usage import usage, uses

__all__ = [
    "accounts",
    "attempts",
    "audit",
    "charges",
    "chats",
    "codes",
    "commands",
    "contacts",
    "covers",
    "disputes",
    "entitlements",
    "entries",
    "favourites",
    "grants",
    "identities",
    "inbox",
    "invoices",
    "links",
    "live_messages",
    "measures",
    "metadata",
    "mutes",
    "node_drains",
    "node_sessions",
    "outbox",
    "payees",
    "persons",
    "places",
    "plays",
    "polls",
    "presences",
    "pushes",
    "refunds",
    "rooms",
    "slots",
    "subscriptions",
    "sync_targets",
    "tips",
    "trials",
    "turns",
    "usage",
    "uses",
    "visits",
    "votes",
]
