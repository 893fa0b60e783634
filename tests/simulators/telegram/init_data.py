"""What Telegram puts into a Mini App's address, signed as it signs.

https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
"""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import quote, urlencode

from tests.simulators.telegram.people import Person


def init_data(person: Person, token: str, *, at: float | None = None, **more: str) -> str:
    """A query string whose `hash` is made with the bot's token; `at` in s."""
    fields: dict[str, Any] = {
        "query_id": "AAHdF6IQAAAAAN0XohDhrOrc",
        "user": json.dumps(person.json(), separators=(",", ":"), ensure_ascii=False),
        "auth_date": str(int(at if at is not None else time.time())),
        "signature": "c2lnbmF0dXJl",
        **more,
    }
    said = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    key = hmac.new(b"WebAppData", token.encode(), hashlib.sha256).digest()
    return urlencode({**fields, "hash": hmac.new(key, said.encode(), hashlib.sha256).hexdigest()}, quote_via=quote)


def fragment(said: str) -> str:
    """How it comes: behind the address of the Mini App."""
    return f"#tgWebAppData={quote(said, safe='')}&tgWebAppVersion=8.0&tgWebAppPlatform=weba"
