"""The gateway: views, and subscriptions to what changes in them.

    uvicorn --factory services.gateway:build_app

It is told by the environment: see ``services.settings``.
"""

from services.gateway.app import build_app, create_app

__all__ = ["build_app", "create_app"]
