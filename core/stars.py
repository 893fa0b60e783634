"""Why Telegram is told not to take Stars."""

from core.errors import ChorusError


class NotYourInvoiceError(ChorusError):
    """An invoice is paid by whoever asked for it, not by whom it was forwarded to."""


class OldInvoiceError(ChorusError):
    """The invoice ran out, or what it says is not what is sold."""
