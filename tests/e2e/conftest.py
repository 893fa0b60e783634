"""A running product for each test, or for a module of them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.product import Product
from tests.e2e.world import Stage, staged, write_tones


@pytest.fixture
async def chorus(tmp_path: Path) -> AsyncIterator[Product]:
    """A clean `make run`: no credentials, an empty data folder."""
    product = Product(tmp_path / "data")
    await product.start()
    yield product
    await product.stop()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The music folder; a module may put something of its own in its place."""
    return write_tones(tmp_path_factory.mktemp("music"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory, library: Path) -> AsyncIterator[Stage]:
    """One product in Discord for a module whose tests take a guild each (mark it with `loop_scope="module"`)."""
    async with staged(tmp_path_factory.mktemp("stage") / "data", library) as stage:
        yield stage


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """A failed test shows the product's latest log lines."""
    outcome: Any = yield
    report = outcome.get_result()
    for value in getattr(item, "funcargs", {}).values():
        product = getattr(value, "chorus", value)
        if report.failed and isinstance(product, Product):
            report.sections.append(("the product's log", "\n".join(product.lines[-60:])))
