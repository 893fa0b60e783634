"""What /metrics counts of payments."""

from prometheus_client import Counter, Gauge

WEBHOOKS = Counter("chorus_webhooks_total", "Deliveries to the webhook by what became of them", ["outcome"])
SYNCS = Counter("chorus_payment_syncs_total", "Looks at Stripe by their outcome", ["kind", "outcome"])
ALERTS = Counter("chorus_payment_alerts_total", "What an operator should look at", ["kind"])
OLDEST = Gauge("chorus_webhook_oldest_pending_seconds", "Age of the oldest event that waits to be worked off")
LAST_EVENT = Gauge("chorus_webhook_last_event_age_seconds", "Since the latest event came; -1: none ever did")
DIRTY = Gauge("chorus_payment_dirty_targets", "What has to be looked at at Stripe")
DEAD = Gauge("chorus_payment_dead_letters", "Given up until replayed")
ORPHANS = Gauge("chorus_payment_orphans", "Events of customers that are nobody's")
DRIFT = Gauge("chorus_payment_drift", "Subscriptions that stood otherwise here than at Stripe at the latest full look")
STRANGERS = Gauge("chorus_payment_strangers", "Customers at Stripe that say they are ours and are nobody's")
