"""The intake by its import path of 0.1, for one version: use ``services.gateway.routes.events``."""

from services.gateway.routes.events import attach, build_app, create_app

__all__ = ["attach", "build_app", "create_app"]
