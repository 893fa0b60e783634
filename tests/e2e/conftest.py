"""A running product for each test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.e2e.product import Product


@pytest.fixture
async def chorus(tmp_path: Path) -> AsyncIterator[Product]:
    """A clean `make run`: no credentials, an empty data folder."""
    product = Product(tmp_path / "data")
    await product.start()
    yield product
    await product.stop()
