"""The description of the HTTP interface, read without internet."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect

from tests.browser.conftest import Served


@pytest.mark.slow
async def test_the_interface_is_described(page: Page, served: Served) -> None:
    """Operations are listed and open, with nothing from another host."""
    await page.goto(f"{served.address}/docs")
    operation = page.get_by_text("Append an event or a batch")
    await operation.click()
    await expect(page.get_by_role("button", name="Try it out")).to_be_visible()
