"""The projector: folds the logs of all sessions and commits their frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faststream import FastStream


def build_app() -> FastStream:
    """The projector as a FastStream application, configured by environment variables.

    For ``faststream run services.projector:build_app --factory``. FastStream is imported
    here, so that the pure parts of this package do not load it.
    """
    from services.projector.app import build_app as build

    return build()
