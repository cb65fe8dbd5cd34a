"""The settings of the services, read from environment variables.

Each application has a class of settings; the descriptions of their fields document the
variables. ``load`` reads them and raises one error line for each invalid variable.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AliasGenerator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from events.errors import BadSetting, LapstreamError
from projections.views.themes import Theme, read_themes
from services.logging import FORMATS, LEVELS
from services.roles import Tokens

PREFIX = "LAPSTREAM_"
"""The variable of a field is its name in capitals behind this prefix."""

CONNECTIONS = 10_000
EVENTS_PER_SECOND = 2000.0
SESSION_LIMIT = 1000

_YES, _NO = ("1", "true", "yes", "on"), ("", "0", "false", "no", "off")


class BadSettings(LapstreamError):
    """Several invalid variables, a line for each."""

    def __init__(self, errors: Sequence[BadSetting]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, errors)))


# The validators below raise ValueError with the text that completes "VARIABLE must be ...".


def _unless_empty(default: object) -> BeforeValidator:
    """An empty variable counts as one that is not set, as Compose files often set it."""
    return BeforeValidator(lambda value: default if value == "" else value)


def _parsed(parse: Callable[[str], Any]) -> BeforeValidator:
    """Parse what the environment has; values given in Python are of the field's type."""
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _level(text: str) -> str:
    if text.upper() not in LEVELS:
        raise ValueError(f"one of {', '.join(LEVELS)}")
    return text.upper()


def _format(text: str) -> str:
    if text.lower() not in FORMATS:
        raise ValueError(f"one of {', '.join(FORMATS)}")
    return text.lower()


def _yes(text: str) -> bool:
    if text.lower() not in (*_YES, *_NO):
        raise ValueError("1 or 0")
    return text.lower() in _YES


def _count(text: str) -> int:
    # At most nine digits: Python refuses to convert some thousands of them.
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) > 0):
        raise ValueError("a whole number from 1 on")
    return int(text)


def _limit(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError("a number of sessions")
    return int(text)


def _replicas(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 3):
        raise ValueError("a number of replicas, 0 to 99")
    return int(text)


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise ValueError("a number greater than 0")
    return rate


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, map(str.strip, text.split(","))))


def _hosts(text: str) -> tuple[str, ...]:
    names = _names(text)
    if not all(map(_HOST.fullmatch, names)) or (text and not names):
        raise ValueError("names as in a Host header, such as timing.example, without http://")
    return names


_HOST = re.compile(r"([\w-]+(\.[\w-]+)*\.?|\[[0-9a-fA-F:.]+\])(:\d{1,5})?")


def _sessions(text: str) -> tuple[str, ...] | None:
    return tuple(text.split(",")) if text else None


def _variable(field: str) -> str:
    return PREFIX + field.upper()


class _Settings(BaseSettings):
    model_config = SettingsConfigDict(
        alias_generator=AliasGenerator(validation_alias=_variable),
        populate_by_name=True,
        case_sensitive=True,
        frozen=True,
        extra="ignore",
        arbitrary_types_allowed=True,
    )

    @classmethod
    def load(cls, **given: Any) -> Self:
        """The settings of the environment, with those given in place of its own.

        Raises BadSetting, BadSettings and BadTokens.
        """
        try:
            return cls(**given)
        except ValidationError as invalid:
            errors = [_bad_setting(error) for error in invalid.errors(include_url=False)]
        raise errors[0] if len(errors) == 1 else BadSettings(errors)


def _bad_setting(error: Any) -> BadSetting:
    name = str(error["loc"][0])
    name = name if name.startswith(PREFIX) else _variable(name)
    cause = error.get("ctx", {}).get("error")
    return BadSetting(name, str(error["input"]), str(cause) if cause else error["msg"])


class LogSettings(_Settings):
    """Settings of everything that logs."""

    log_format: Annotated[str, _parsed(_format), _unless_empty("auto")] = Field(
        default="auto",
        description="`json`, `text`, or `auto`: text on a terminal, a JSON object a line elsewhere",
    )

    log_level: Annotated[str, _parsed(_level), _unless_empty("INFO")] = Field(
        default="INFO", description="`DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`"
    )


class ServiceSettings(LogSettings):
    """Settings that all services have."""

    heartbeat: Annotated[Path | None, _unless_empty(None)] = Field(
        default=None,
        description="file whose time is set every five seconds while the process works, for what "
        "watches it",
    )

    store: Annotated[str | None, _unless_empty(None)] = Field(
        default=None,
        description="URL of the store: `redis://HOST:PORT`, also of one node of a Cluster; "
        "without it, the embedded server",
    )
    data: Annotated[Path | None, _unless_empty(None)] = Field(
        default=None,
        description="folder of the embedded server; without it, the user's data folder",
    )
    replicas: Annotated[int, _parsed(_replicas), _unless_empty(0)] = Field(
        default=0,
        description="replicas of the store that must have an event before it is acknowledged, "
        "`0` for none",
    )


class GatewaySettings(ServiceSettings):
    """Settings of the gateway and of the intake."""

    tokens_file: Annotated[str | None, _unless_empty(None)] = Field(
        default=None,
        description="file of token hashes, as `lapstream token` prints them; nothing can be "
        "written without any token",
    )
    tokens: Annotated[Tokens, NoDecode, _parsed(Tokens.parse)] = Field(
        default_factory=Tokens,
        description="the same hashes as text, separated by commas",
    )
    private: Annotated[bool, _parsed(_yes)] = Field(
        default=False, description="`1`: reading needs a token as well"
    )
    origins: Annotated[tuple[str, ...], NoDecode, _parsed(_names)] = Field(
        default=(),
        description="web origins whose pages may read, separated by commas; `*` for any, "
        "`null,file://` for pages opened from a disk",
    )
    hosts: Annotated[tuple[str, ...], NoDecode, _parsed(_hosts)] = Field(
        default=(),
        description="names by which the gateway is reached from elsewhere, separated by commas; "
        "with any, a request for another name is refused, which keeps out foreign pages",
    )
    connections: Annotated[int, _parsed(_count), _unless_empty(CONNECTIONS)] = Field(
        default=CONNECTIONS, description="subscribers at once"
    )
    events_per_second: Annotated[float, _parsed(_rate), _unless_empty(EVENTS_PER_SECOND)] = Field(
        default=EVENTS_PER_SECOND,
        description="events a second that one producer may append, on average",
    )

    themes: Annotated[
        tuple[Theme, ...], NoDecode, _parsed(lambda text: read_themes(Path(text)) if text else ())
    ] = Field(
        default=(),
        description="file of themes, a JSON list: the colours and short names of classes by "
        "series, before those that are shipped",
    )

    @model_validator(mode="after")
    def _add_tokens_file(self) -> Self:
        """Add the tokens of the file. Raises BadTokens."""
        if self.tokens_file is not None:
            tokens = self.tokens + Tokens.of_file(self.tokens_file)
            object.__setattr__(self, "tokens", tokens)  # the model is frozen
        return self


class ProjectorSettings(ServiceSettings):
    """Settings of the projector."""

    sessions: Annotated[tuple[str, ...] | None, NoDecode, _parsed(_sessions)] = Field(
        default=None,
        description="sessions to fold, separated by commas; without it, all that are listed, "
        "also those listed later",
    )
    session_limit: Annotated[int, _parsed(_limit), _unless_empty(SESSION_LIMIT)] = Field(
        default=SESSION_LIMIT, description="sessions that one projector takes on"
    )


class ReplayerSettings(ServiceSettings):
    """Settings of the replayer."""
