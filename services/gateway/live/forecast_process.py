"""The worker process of a gateway for forecasts, started on demand.

A forecast takes tens of milliseconds of a processor. In a thread it would share the interpreter
with the loop that sends frames, and delay these.
"""

from __future__ import annotations

import asyncio
import os
import pickle
import sys
from asyncio.subprocess import PIPE, Process

from events.errors import LapstreamError
from services.forecast_worker import LENGTH_BYTES, framed
from services.queries.forecasts import ForecastTask

SECONDS = 10.0
"""How long a forecast may take; starting the process is part of the first."""

IDLE_SECONDS = 30.0
"""How long the process stays without a task."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


class NoWorker(LapstreamError):
    """The worker process did not answer."""


class ForecastProcess:
    """Computes one forecast at a time in another process, which ends when it is idle."""

    def __init__(self) -> None:
        self._process: Process | None = None
        self._turn = asyncio.Lock()
        self._ending: asyncio.Task[None] | None = None

    @property
    def runs(self) -> bool:
        """Whether the process has been started, and not been ended."""
        return self._process is not None

    async def compute(self, task: ForecastTask) -> bytes:
        """The JSON of the task's forecast. Raises NoWorker."""
        async with self._turn:
            self._keep()
            try:
                async with asyncio.timeout(SECONDS):
                    return await self._answer(pickle.dumps(task))
            except (OSError, EOFError, TimeoutError) as error:
                reason = str(error) or type(error).__name__
                await self._end()
                raise NoWorker(f"no forecast from the worker process: {reason}") from None
            except asyncio.CancelledError:
                await self._end()  # its answer would be taken for that of the next task
                raise
            finally:
                if self._process is not None:
                    self._ending = asyncio.create_task(self._end_later())

    async def _answer(self, task: bytes) -> bytes:
        process = self._process or await self._start()
        tasks, forecasts = process.stdin, process.stdout
        if tasks is None or forecasts is None:
            raise AssertionError("both are pipes")
        tasks.write(framed(task))
        await tasks.drain()
        head = await forecasts.readexactly(LENGTH_BYTES)
        return await forecasts.readexactly(int.from_bytes(head, "big"))

    async def _start(self) -> Process:
        command = (sys.executable, "-m", "services.forecast_worker")
        environment = {**os.environ, **ONE_THREAD}
        self._process = await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, env=environment
        )
        return self._process

    async def close(self) -> None:
        """End the process, once it has answered."""
        async with self._turn:
            self._keep()
            await self._end()

    def _keep(self) -> None:
        """Do not end it for having been idle."""
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None

    async def _end_later(self) -> None:
        await asyncio.sleep(IDLE_SECONDS)
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
