"""Connected accounts."""

from typing import TYPE_CHECKING

from tests.simulators.stripe.calls import Routes
from tests.simulators.stripe.errors import invalid

if TYPE_CHECKING:
    from tests.simulators.stripe.simulator import StripeSimulator


class Connect:
    """`/v1/accounts`, `/v1/account_links`, `/v1/account`."""

    def __init__(self, sim: "StripeSimulator") -> None:
        self._sim = sim

    def routes(self) -> Routes:
        return {}

    def payable(self, account: str) -> None:
        """Raises ApiError unless money can be sent there."""
        raise invalid(f"No such destination: '{account}'", "payment_intent_data[transfer_data][destination]")
