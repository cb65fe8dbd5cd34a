"""Themes: the colours, short names and letters of a series' classes, as data.

The web pages read ``themes.json``, too; ``web/src/timing/themes.ts`` has the same rule of choice,
and ``tests/golden/themes.json`` has cases for both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import from_json

Part = Annotated[str, Field(min_length=1)]
Hex = Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Shades(_Model):
    """One colour, as it is on a dark and on a light ground."""

    dark: Hex
    light: Hex


class ClassStyle(Shades):
    """The look of a class: its short name, and a letter that needs no colour to be read."""

    tag: str = Field(min_length=1, max_length=6)
    letter: str = Field(min_length=1, max_length=1)


class Theme(_Model):
    """The look of a series. It is chosen by its series' names, its packs, then its classes."""

    name: str = Field(min_length=1)
    title: str = Field(min_length=1)
    series: tuple[Part, ...] = Field((), description="parts of the series' name, in any case")
    rules: tuple[Part, ...] = Field((), description="beginnings of the names of its packs")
    accent: Shades
    corners: int = Field(2, ge=0, le=20, description="the radius of corners, in px")
    classes: Mapping[str, ClassStyle] = Field(min_length=1)


class Neutral(_Model):
    """The look of a series without a theme: each class has a colour by its own name."""

    name: str
    title: str
    accent: Shades
    corners: int
    palette: tuple[Shades, ...]


class _Shipped(_Model):
    themes: tuple[Theme, ...]
    neutral: Neutral


_SHIPPED = _Shipped.model_validate_json(files(__package__).joinpath("themes.json").read_bytes())
THEMES = _SHIPPED.themes
NEUTRAL = _SHIPPED.neutral
_THEMES = TypeAdapter(tuple[Theme, ...])


def read_themes(path: Path) -> tuple[Theme, ...]:
    """The themes of a file, a JSON list. Raises ValueError saying what is wrong, and where."""
    try:
        return _THEMES.validate_python(from_json(path.read_bytes()))
    except OSError as error:
        raise ValueError(f"a file of themes: {error.strerror}") from None
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise ValueError(f"a file of themes: {place}: {first['msg']}") from None
    except ValueError as error:
        raise ValueError(f"a file of themes: {error}") from None


def plain_name(name: str) -> str:
    """A class name as themes compare it: ``GTD PRO`` is ``GTDPRO``."""
    return "".join(filter(str.isalnum, name)).upper()


def theme_of(
    series: str | None,
    rules: str | None,
    classes: Iterable[str],
    themes: Sequence[Theme] = THEMES,
) -> Theme | None:
    """The theme of a session, by its series, else its pack, else its classes; None: neutral."""
    named = (series or "").lower()
    for theme in themes:
        if named and any(part.lower() in named for part in theme.series):
            return theme
    for theme in themes:
        if rules and any(rules.startswith(part) for part in theme.rules):
            return theme
    names = set(map(plain_name, classes))
    if len(names) < 2:  # a single class, such as GT3, is of many series
        return None
    return next((theme for theme in themes if names <= set(map(plain_name, theme.classes))), None)


def class_colours(names: Iterable[str], theme: Theme | None) -> dict[str, Shades]:
    """Each class's colours: those of the theme; for others by the name, none of them twice."""
    styles = {plain_name(name): style for name, style in theme.classes.items()} if theme else {}
    names = list(names)
    colours: dict[str, Shades] = {}
    for name in names:
        if style := styles.get(plain_name(name)):
            colours[name] = Shades(dark=style.dark, light=style.light)
    used = {one.dark for one in colours.values()}
    palette = NEUTRAL.palette
    for name in sorted(set(names) - set(colours)):
        first = sum(map(ord, plain_name(name))) % len(palette)
        slots = [palette[(first + n) % len(palette)] for n in range(len(palette))]
        colours[name] = next((one for one in slots if one.dark not in used), slots[0])
        used.add(colours[name].dark)
    return {name: colours[name] for name in names}
