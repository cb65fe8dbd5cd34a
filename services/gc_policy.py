"""Collecting garbage by choice, not by accident.

A race is many objects that stay. Python looks through all of them whenever enough new ones
have come, and a session stands still for that long, a tenth of a second and more after
some hours. So what stays is set aside: a collection looks only at what has come since the
last, and at everything once in a while. Everything is looked at once either way, so often
costs no more than seldom, and no pause is long: some 2 ms at 500 events a second, where it
was 40 to 80 ms every five seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator

OFTEN_SECONDS = 0.25
ONCE_IN_A_WHILE = 14_400
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
