"""Keys for signing, one per purpose, all from SECRET_KEY."""

import os
import secrets
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


class KeyFileError(Exception):
    """The kept key cannot be used; the message says what to do."""


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
    """Keys from the setting, or from a file made once with mode 0600. Raises KeyFileError."""
    if secret_key:
        return Keys(secret_key)
    path = data_dir / "secret.key"
    if not path.exists():
        data_dir.mkdir(parents=True, exist_ok=True)
        _write(path, secrets.token_urlsafe(48))
    kept = path.read_text().strip()
    if not kept:
        raise KeyFileError(f"{path} is empty: restore it, or delete it (addresses signed with the old key end)")
    return Keys(kept)


def _write(path: Path, key: str) -> None:
    """Whole or not at all, whenever the machine stops."""
    new = path.with_name(f"{path.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(key)
        file.flush()
        os.fsync(descriptor)
    new.replace(path)
