"""The reference of environment variables, from the classes of settings."""

from __future__ import annotations

from docs.generate.markdown import table
from services.settings import (
    PREFIX,
    GatewaySettings,
    LogSettings,
    ProjectorSettings,
    ServiceSettings,
)

OWNERS = {
    LogSettings: "services",
    ServiceSettings: "all",
    GatewaySettings: "gateway, intake",
    ProjectorSettings: "projector",
}
"""Who reads the fields that a class adds."""


def page() -> str:
    """The generated part of the page."""
    rows, seen = [], set()
    for settings, owner in OWNERS.items():
        for name, field in settings.model_fields.items():
            if name not in seen:
                seen.add(name)
                default = "" if field.default_factory else field.default
                shown = "none" if default in (None, "", ()) else f"`{_text(default)}`"
                variable = f"`{PREFIX}{name.upper()}`"
                rows.append((variable, owner, shown, field.description or ""))
    return table(["Variable", "Read by", "Default", "Meaning"], rows)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return f"{value:g}" if isinstance(value, float) else str(value)
