"""Accounts of those who get tips: opened and looked at at Stripe, which asks their owners for everything else.

Accounts of the v1 API with controller properties, set up by Account Links; whoever replaces them by another kind of
account replaces this module.
"""

from collections.abc import Sequence
from dataclasses import replace

import stripe

from core.ports.payments import Ledger, Settle
from core.records.payments import Claim
from core.tips import sendable
from core.types import PersonId

APP = "chorus"
_NO_ACCESS = 403


class Connect:
    """The operator answers for fees and losses; the owners see their money in Stripe's own Express dashboard."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client
        self._home: str | None = None

    async def open(self, person: PersonId, former: Sequence[str]) -> str:
        """A new account of somebody, beside `former` ones that are gone; its id. Raises stripe.StripeError."""
        key = ":".join(["payee", person, *former])
        account = await self._client.v1.accounts.create_async(
            {
                "controller": {
                    "fees": {"payer": "application"},
                    "losses": {"payments": "application"},
                    "requirement_collection": "stripe",
                    "stripe_dashboard": {"type": "express"},
                },
                "capabilities": {"card_payments": {"requested": True}, "transfers": {"requested": True}},
                "metadata": {"app": APP},
            },
            {"idempotency_key": key},
        )
        return account.id

    async def link(self, account: str, page: str) -> str:
        """Where its owner goes on setting it up; works once and for minutes. Raises stripe.StripeError."""
        link = await self._client.v1.account_links.create_async(
            {"account": account, "type": "account_onboarding", "refresh_url": page, "return_url": page}
        )
        return link.url

    async def payable(self, account: str) -> bool | None:
        """Whether tips may go there now; None: it is gone. Raises stripe.StripeError."""
        try:
            it = await self._client.v1.accounts.retrieve_async(account)
        except stripe.StripeError as error:
            if error.http_status == _NO_ACCESS or error.code in {"resource_missing", "account_invalid"}:
                return None
            raise
        able = it.capabilities.transfers if it.capabilities and "transfers" in it.capabilities else "inactive"
        ready = bool(it.charges_enabled and it.payouts_enabled) and able == "active"
        return ready and sendable(await self._country(), it.country or "")

    async def look(self, claim: Claim) -> Settle:
        """Learn how an account is; what comes back writes it. Raises stripe.StripeError."""
        found = await self.payable(claim.target.key)

        async def settle(ledger: Ledger) -> bool:
            payee = await ledger.tips.payee_of(claim.target.key)
            if payee is None:
                return False
            await ledger.tips.update_payee(replace(payee, payable=bool(found), gone=found is None))
            return True

        return settle

    async def _country(self) -> str:
        """The operator's."""
        if self._home is None:
            own = await self._client.v1.accounts.retrieve_current_async()
            self._home = own.country or ""
        return self._home
