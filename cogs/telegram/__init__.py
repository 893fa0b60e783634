"""Telegram: the same commands by chat messages and inline buttons."""

import os

os.environ.setdefault("PTB_TIMEDELTA", "true")  # python-telegram-bot warns at every `retry_after` otherwise
