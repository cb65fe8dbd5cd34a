"""The gateway: views, and subscriptions to them, over HTTP and WebSocket.

    uvicorn --factory services.gateway:build_app

Configured by environment variables (``services.settings``).
"""

from services.gateway.app import build_app, create_app

__all__ = ["build_app", "create_app"]
