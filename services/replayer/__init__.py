"""The replayer: paces shared replays and commits their frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faststream import FastStream


def build_app() -> FastStream:
    """The replayer as a FastStream application, configured by environment variables.

    For ``faststream run services.replayer:build_app --factory``. FastStream is imported
    here, so that the pure parts of this package do not load it.
    """
    from services.replayer.app import build_app as build

    return build()
