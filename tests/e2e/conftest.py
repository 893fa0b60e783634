"""A running product for each test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.product import Product


@pytest.fixture
async def chorus(tmp_path: Path) -> AsyncIterator[Product]:
    """A clean `make run`: no credentials, an empty data folder."""
    product = Product(tmp_path / "data")
    await product.start()
    yield product
    await product.stop()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows the product's latest log lines."""
    outcome: Any = yield
    report = outcome.get_result()
    for value in getattr(item, "funcargs", {}).values():
        product = getattr(value, "chorus", value)
        if report.failed and isinstance(product, Product):
            report.sections.append(("the product's log", "\n".join(product.lines[-60:])))
