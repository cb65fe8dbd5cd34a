"""The gateway as an ASGI application."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

from events.errors import LapstreamError
from services.gateway import errors
from services.gateway.body_limits import BodyLimitMiddleware
from services.gateway.json_bodies import JsonBodyMiddleware
from services.gateway.origins import OriginMiddleware
from services.gateway.outputs.live_outputs import LiveOutputs
from services.gateway.routes import (
    administration,
    analysis,
    archives,
    decisions,
    edit_list,
    operations,
    output_content,
    output_holds,
    pages,
    quarantine,
    replays,
    results,
    schemas,
    sessions,
    snapshots,
    streams,
    titles,
)
from services.gateway.routes import (
    outputs as output_settings,
)
from services.gateway.state import Gateway
from services.gateway.store_deadline import Availability, StoreDeadlineMiddleware
from services.gateway.stored_tokens import StoredTokens
from services.logging import configure
from services.queries.race_cache import RaceCache
from services.settings import GatewaySettings
from services.startup import refuse_to_start, service_store
from services.storage.client import Store

DESCRIPTION = """Live timing and standings from an event log.

Every response has the log position of its newest event (`position`) and the age of the data
(`age_ms`). Subscription messages are described in [/asyncapi.json](/asyncapi.json); the schemas of
events and frames are at [/schemas/events.json](/schemas/events.json) and
[/schemas/frames.json](/schemas/frames.json)."""

ROUTERS = (
    sessions.router,
    analysis.router,
    results.router,
    titles.router,
    snapshots.router,
    streams.router,
    replays.router,
    edit_list.router,
    output_settings.router,
    output_holds.router,
    output_content.router,
    decisions.router,
    schemas.router,
    operations.router,
    administration.router,
    quarantine.router,
    archives.router,
)


def create_app(
    settings: GatewaySettings,
    store: Store | None = None,
    *,
    races: RaceCache | None = None,
    loopback: bool = False,
) -> FastAPI:
    """The gateway on a store; without one, on the store of the settings, opened and closed here.

    ``races`` is the cache of folded races, shared with other parts of the process. ``loopback``:
    served on this machine alone.
    """

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            opened = store
            if opened is None:
                opened = await stack.enter_async_context(service_store(settings, "gateway"))
            gateway = Gateway(opened, settings, races)
            stack.push_async_callback(gateway.close)
            stored_tokens = StoredTokens(opened)
            await stored_tokens.begin()
            stack.push_async_callback(stored_tokens.close)
            app.state.stored_tokens = stored_tokens
            availability = Availability(opened)
            stack.push_async_callback(availability.close)
            outputs = LiveOutputs(gateway)
            stack.push_async_callback(outputs.close)
            app.state.availability = availability
            app.state.gateway = gateway
            app.state.outputs = outputs
            app.state.log = gateway.log
            yield

    app = FastAPI(
        title="lapstream",
        version=version("lapstream"),
        description=DESCRIPTION,
        license_info={"name": "MIT"},
        docs_url=None,  # FastAPI's load their scripts from elsewhere; see `routes.pages`
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.settings = settings
    # Middleware added later runs earlier: the check of origins comes first.
    app.add_middleware(StoreDeadlineMiddleware)
    app.add_middleware(JsonBodyMiddleware)
    larger = {"/archives": replays.LARGEST_ARCHIVE}
    app.add_middleware(BodyLimitMiddleware, settings=settings, larger=larger)
    if settings.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.origins,
            allow_methods=["GET"],  # foreign pages may read, never decide
            allow_headers=["Authorization", "If-None-Match", "Last-Event-ID"],
            expose_headers=["ETag", "Lapstream-Position", "Lapstream-Age-Ms"],
        )
    app.add_middleware(
        OriginMiddleware, origins=settings.origins, hosts=settings.hosts, loopback=loopback
    )
    errors.install(app)
    # Not include_router: it would build each route again for each application, for 0.2 s that the
    # first request waits. These routers need nothing that the application would add.
    for router in ROUTERS:
        app.router.routes.extend(router.routes)
    pages.install(app)
    return app


def build_app() -> FastAPI:
    """The gateway on its own, configured by environment variables."""
    try:
        settings = GatewaySettings.load()
    except LapstreamError as error:
        refuse_to_start(error)
    configure(settings.log_level, settings.log_format)
    return create_app(settings)
