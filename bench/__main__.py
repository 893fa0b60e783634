"""`python -m bench [NAME …]`: runs benchmarks and prints a JSON line for each."""

import asyncio
import importlib
import sys

from bench.figures import machine, show

NAMES = (
    "first_audio", "ack", "rooms", "events", "node", "pass_through", "heard", "stream", "startup", "guilds", "failover",
    "fairness", "growth", "entitlements", "webhooks",
)  # fmt: skip


def main(wanted: list[str]) -> None:
    """Run those named, or all."""
    show("machine", machine())
    for name in wanted or NAMES:
        if name not in NAMES:
            sys.exit(f"no benchmark {name}: {', '.join(NAMES)}")
        module = importlib.import_module(f"bench.{name}")
        show(name, asyncio.run(module.run()))


if __name__ == "__main__":
    main(sys.argv[1:])
