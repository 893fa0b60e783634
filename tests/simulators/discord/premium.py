"""Premium Apps: what the application sells, who has bought it, and what Discord tells about that.

Sources: discord-api-docs, resources/sku.md and resources/entitlement.md, monetization/implementing-app-subscriptions.
An entitlement begins without an end; cancelling tells nothing; its end and a refund do; an upgrade ends one and makes
another. Every event goes to shard 0 alone.
"""

from typing import TYPE_CHECKING

from aiohttp import web

from tests.simulators.discord.bodies import PREMIUM, Json, walk
from tests.simulators.discord.errors import ApiError, NotPossibleError, bad_body
from tests.simulators.discord.ids import snowflake, timestamp
from tests.simulators.discord.replies import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.simulators.discord.members import Member
    from tests.simulators.discord.messages import Message
    from tests.simulators.discord.simulator import DiscordSimulator

SUBSCRIPTION, SUBSCRIPTION_GROUP = 5, 6
AVAILABLE, GUILD_SUBSCRIPTION, USER_SUBSCRIPTION = 1 << 2, 1 << 7, 1 << 8
DEVELOPER_GIFT, TEST_MODE_PURCHASE, APPLICATION_SUBSCRIPTION = 3, 4, 8
PAGE = 100
GUILD_OWNER = 1
UNKNOWN_ENTITLEMENT = 10029
"""Discord's JSON error code."""
QUERY = {"user_id", "sku_ids", "before", "after", "limit", "guild_id", "exclude_ended", "exclude_deleted"}


class Premium:
    """The SKUs and entitlements of the application."""

    def __init__(self, discord: "DiscordSimulator") -> None:
        self._discord = discord
        self.skus: list[Json] = []
        self.entitlements: list[Json] = []
        """As they are now, deleted ones included, oldest first."""

    # -- for tests --

    def sku(self, name: str, *, flags: int = AVAILABLE | GUILD_SUBSCRIPTION) -> int:
        """Sell a subscription; Discord makes a group beside it by itself."""
        number = snowflake()
        for kind, id_ in ((SUBSCRIPTION, number), (SUBSCRIPTION_GROUP, snowflake())):
            shared = {"dependent_sku_id": None, "manifest_labels": None, "access_type": 1, "features": []}
            told = {"name": name, "slug": name.lower().replace(" ", "-"), "release_date": None, "premium": False}
            application = {"application_id": str(self._discord.application_id), "show_age_gate": False}
            self.skus.append({"id": str(id_), "type": kind, "flags": flags, **application, **told, **shared})
        return number

    def buy(
        self,
        sku: int,
        member: "Member",
        *,
        kind: int = APPLICATION_SUBSCRIPTION,
        told: bool = True,
        ends_at: str | None = None,
    ) -> int:
        """Somebody subscribes for their guild; `told`: the bot hears of it. The entitlement's id."""
        self._sold(sku)
        # a guild's test entitlement names the application where the buyer stands
        user = self._discord.application_id if kind == TEST_MODE_PURCHASE else member.id
        entitlement = self._new(sku, kind, guild_id=str(member.guild.id), user_id=str(user))
        entitlement |= {"starts_at": timestamp(), "ends_at": ends_at, "subscription_id": str(snowflake())}
        self.tell("CREATE", entitlement, told=told)
        return int(entitlement["id"])

    def end(self, entitlement: int, *, at: str | None = None, told: bool = True) -> None:
        """It was cancelled before, and now its last period is over."""
        found = self.find(entitlement)
        found["ends_at"] = at or timestamp()
        self.tell("UPDATE", found, told=told)

    def refund(self, entitlement: int, *, told: bool = True) -> None:
        """The buyer has their money back."""
        found = self.find(entitlement)
        found["deleted"] = True
        self.tell("DELETE", found, told=told)

    def upgrade(self, entitlement: int, sku: int, member: "Member", *, new_first: bool = False) -> int:
        """Another tier at once: the old one ends, a new one begins; the events come in any order."""
        if new_first:
            new = self.buy(sku, member)
            self.end(entitlement)
            return new
        self.end(entitlement)
        return self.buy(sku, member)

    def press(self, member: "Member", what: "Message | Reply") -> int:
        """Press the premium button under a message, and pay; the entitlement's id."""
        message = what.message if isinstance(what, Reply) else what
        found = [int(one["sku_id"]) for one in walk(message.payload["components"]) if one.get("style") == PREMIUM]
        if not found:
            raise NotPossibleError("there is no premium button")
        return self.buy(found[0], member)

    def tell(self, event: str, entitlement: Json, *, told: bool = True) -> None:
        """ENTITLEMENT_CREATE, _UPDATE or _DELETE to shard 0 (once more)."""
        for session in list(self._discord.gateway.sessions.values()) if told else ():
            if session.shard[0] == 0:
                session.dispatch(f"ENTITLEMENT_{event}", dict(entitlement))

    def find(self, entitlement: int) -> Json:
        """An entitlement by its id. Raises ApiError."""
        for one in self.entitlements:
            if one["id"] == str(entitlement):
                return one
        raise ApiError(404, UNKNOWN_ENTITLEMENT, "Unknown Entitlement")

    def of(self, member: "Member") -> list[Json]:
        """What an interaction of this member carries: what the guild or they have now."""
        wanted = {("guild_id", str(member.guild.id)), ("user_id", str(member.id))}
        return [one for one in self._now() if wanted & one.items()]

    def _now(self) -> "Iterator[Json]":
        now = timestamp()
        return (one for one in self.entitlements if not one["deleted"] and (one["ends_at"] or "9") > now)

    def _sold(self, sku: int) -> None:
        if not any(one["id"] == str(sku) and one["type"] == SUBSCRIPTION for one in self.skus):
            raise NotPossibleError(f"no subscription {sku} is sold")

    def _new(self, sku: int, kind: int, **owner: str) -> Json:
        application = str(self._discord.application_id)
        self.entitlements.append(
            {
                "id": str(snowflake()), "sku_id": str(sku), "application_id": application, "type": kind,
                "deleted": False, "consumed": False, "gift_code_flags": 0, "promotion_id": None,
                "starts_at": None, "ends_at": None, **owner,
            }
        )  # fmt: skip
        return self.entitlements[-1]

    # -- the routes --

    def list_skus(self, request: web.Request, body: Json) -> list[Json]:
        self._check(request)
        return self.skus

    def listed(self, request: web.Request, body: Json) -> list[Json]:
        """The latest first, whatever the page."""
        self._check(request)
        query = request.query
        if unknown := set(query) - QUERY:
            raise bad_body(min(unknown), "unknown parameter")
        limit = int(query.get("limit", PAGE))
        if not 1 <= limit <= PAGE:
            raise bad_body("limit", "int value should be between 1 and 100")
        low, high = int(query.get("after", 0)), int(query.get("before", 1 << 63))
        found = [one for one in self.entitlements if low < int(one["id"]) < high and self._wanted(one, query)]
        page = found[:limit] if "after" in query else found[-limit:]
        return page[::-1]

    def _wanted(self, one: Json, query: "Mapping[str, str]") -> bool:
        skus = query.get("sku_ids")
        ended = query.get("exclude_ended", "0") in {"1", "true"} and (one["ends_at"] or "9") <= timestamp()
        deleted = query.get("exclude_deleted", "1") in {"1", "true"} and one["deleted"]
        owner = all(query.get(key, one.get(key)) == one.get(key) for key in ("guild_id", "user_id"))
        return owner and not ended and not deleted and (skus is None or one["sku_id"] in skus.split(","))

    def one(self, request: web.Request, body: Json) -> Json:
        self._check(request)
        return self.find(int(request.match_info["entitlement"]))

    def create(self, request: web.Request, body: Json) -> Json:
        """A test entitlement: it has no times."""
        self._check(request)
        self._sold(int(body["sku_id"]))
        owner, application = str(body["owner_id"]), str(self._discord.application_id)
        owned = {"guild_id": owner, "user_id": application} if body["owner_type"] == GUILD_OWNER else {"user_id": owner}
        entitlement = self._new(int(body["sku_id"]), APPLICATION_SUBSCRIPTION, **owned)
        self.tell("CREATE", entitlement)
        return entitlement

    def delete(self, request: web.Request, body: Json) -> None:
        self._check(request)
        self.refund(int(request.match_info["entitlement"]))

    def _check(self, request: web.Request) -> None:
        if request.match_info["application"] != str(self._discord.application_id):
            raise ApiError(404, 10002, "Unknown Application", mistake=True)
