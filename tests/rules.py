"""Regulation packs for tests: built-in ones, changed here and there."""

from __future__ import annotations

from importlib.resources import files

from projections.rules.packs import RegulationPack, parse_pack


def text_of(name: str) -> str:
    """The file of a built-in pack."""
    return files("projections").joinpath("rules", f"{name}.toml").read_text(encoding="utf-8")


def changed(name: str, *changes: tuple[str, str]) -> RegulationPack:
    """A built-in pack in which each ``(old, new)`` was replaced wherever it stands."""
    text = text_of(name)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return parse_pack(text, f"{name}.toml")
