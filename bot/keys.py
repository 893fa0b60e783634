"""Keys for signing, one per purpose, all from SECRET_KEY."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class Keys:
    """The first secret signs, all verify: a comma list rotates."""

    def __init__(self, secret_key: str) -> None:
        self._secrets = [part.strip().encode() for part in secret_key.split(",") if part.strip()]

    def derive(self, purpose: str) -> tuple[bytes, ...]:
        """32-byte keys for one purpose, the signing one first (HKDF-SHA256, RFC 5869)."""
        return tuple(
            HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode()).derive(secret)
            for secret in self._secrets
        )


def load_keys(secret_key: str | None, data_dir: Path) -> Keys:
    """Keys from the setting, or from a file made once with mode 0600."""
    if secret_key:
        return Keys(secret_key)
    path = data_dir / "secret.key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(48))
    return Keys(path.read_text().strip())
