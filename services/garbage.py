"""Collecting garbage by choice, not by accident.

A race is many objects that stay. Python looks through all of them whenever enough new ones
have come, and a session stands still for that long, a tenth of a second and more after
some hours. So what stays is set aside: a collection looks only at what has come since the
last, often, and at everything once in a while.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

OFTEN_SECONDS = 5.0
ONCE_IN_A_WHILE = 720
"""Every so many collections everything is looked at: once an hour."""


@contextlib.asynccontextmanager
async def collected_by_choice() -> AsyncIterator[None]:
    """Collect by choice for as long as the context lasts."""
    collecting = asyncio.create_task(collect_by_choice())
    try:
        yield
    finally:
        collecting.cancel()
        await asyncio.wait([collecting])


async def collect_by_choice() -> None:
    """Take over from Python's own collections, for as long as this runs."""
    gc.disable()
    try:
        number = 0
        while True:
            if number % ONCE_IN_A_WHILE == 0:
                gc.unfreeze()
            gc.collect()
            gc.freeze()
            number += 1
            await asyncio.sleep(OFTEN_SECONDS)
    finally:
        gc.unfreeze()
        gc.enable()
