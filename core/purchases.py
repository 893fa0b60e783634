"""Why a purchase, or a change of one, is refused."""

from dataclasses import dataclass

from core.errors import ChorusError


class NotForSaleError(ChorusError):
    """That is not offered here, or not any more."""


class PaymentsUnavailableError(ChorusError):
    """The payment service cannot be reached; nothing was changed as far as is known."""


@dataclass
class PaidAlreadyError(ChorusError):
    """The place has this plan, or a higher one, and somebody pays for it."""

    plan: str


class NoSubscriptionError(ChorusError):
    """This person pays for nothing here that could be changed."""


class PayFirstError(ChorusError):
    """A payment failed or waits: only when that is settled can the subscription be changed."""


class EndsAlreadyError(ChorusError):
    """It was canceled, paused, or another change of it waits: that has to be taken back first."""


class NothingToTakeBackError(ChorusError):
    """No change of the subscription waits."""


class PurchasesFrozenError(ChorusError):
    """A payment of this person is disputed: until that is settled they buy nothing."""


class PaymentRefusedError(ChorusError):
    """The payer's bank refused."""


class OldLinkError(ChorusError):
    """The signed link is older than it may be, or was not made here."""


class OldQuoteError(ChorusError):
    """What a change would cost was asked for too long ago."""
