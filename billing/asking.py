"""What may go wrong when Stripe is asked for something, as people are told."""

from collections.abc import Generator
from contextlib import contextmanager

import stripe
import structlog

from core.purchases import PaymentRefusedError, PaymentsUnavailableError

log = structlog.get_logger()


@contextmanager
def asking(what: str) -> Generator[None]:
    """Raises PaymentRefusedError for the payer's bank, PaymentsUnavailableError for everything else."""
    try:
        yield
    except stripe.CardError as error:
        log.info("payment refused", what=what, code=error.code, request=error.request_id)
        raise PaymentRefusedError from None
    except stripe.StripeError as error:
        log.warning(
            "stripe refused", what=what, error=type(error).__name__, code=error.code, status=error.http_status,
            request=error.request_id,
        )  # fmt: skip
        raise PaymentsUnavailableError from None
