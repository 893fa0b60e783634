"""A real Chromium whose pages fail a test by any error they log."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, async_playwright

FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--autoplay-policy=user-gesture-required",
]  # fmt: skip
EXPECTED = ("the server responded with a status of 4", "net::ERR_", "ScriptProcessorNode is deprecated")


@asynccontextmanager
async def chromium() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        yield browser
        await browser.close()


async def visitor(browser: Browser, url: str, *, width: int = 1024, **options: Any) -> Page:
    """A visitor's page with cookies of its own; `errors(page)` are what it complained about."""
    settings: dict[str, Any] = {"locale": "en-GB", "viewport": {"width": width, "height": 800}, **options}
    context: BrowserContext = await browser.new_context(**settings)
    page = await context.new_page()
    log: list[str] = []
    page.on("console", lambda message: _note(log, message))
    page.on("pageerror", lambda error: log.append(str(error)))
    page.__dict__["errors"] = log
    await page.goto(url)
    return page


def errors(page: Page) -> list[str]:
    return page.__dict__["errors"]


def _note(log: list[str], message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"} and not any(known in message.text for known in EXPECTED):
        log.append(message.text)
