"""Hypothesis strategies for events, built from the models: a new event type is drawn at once.

``events()`` draws any event, ``events(LapCompleted, car=st.sampled_from("12"))`` laps of two
cars. Values reach to the ends of what a model allows: the longest text, the last lap.
"""

from __future__ import annotations

from datetime import timedelta, timezone
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, MaxLen, MinLen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from pydantic import AwareDatetime, BaseModel
from pydantic.fields import FieldInfo

from events import EVENT_TYPES, AnyEvent, Event

_CHARACTERS = st.characters(codec="utf-8")
_OFFSETS = st.integers(-23 * 60 - 59, 23 * 60 + 59).map(lambda m: timezone(timedelta(minutes=m)))


def events(*models: type[Event], **members: SearchStrategy[Any]) -> SearchStrategy[AnyEvent]:
    """Events of these types (of all, where none is named), with members of their own choice."""
    chosen = models or tuple(EVENT_TYPES.values())
    return st.one_of([built(model, **members) for model in chosen])


def built(model: type[BaseModel], **members: SearchStrategy[Any]) -> SearchStrategy[Any]:
    """Values of one model; members not named are drawn as the model declares them."""
    declared = {
        name: _of_field(field) for name, field in model.model_fields.items() if name not in members
    }
    return st.builds(model, **declared, **members)


def _of_field(field: FieldInfo) -> SearchStrategy[Any]:
    return _of_type(field.annotation, field.metadata)


def _of_type(annotation: Any, metadata: list[Any]) -> SearchStrategy[Any]:
    if annotation is AwareDatetime:
        return st.datetimes(timezones=_OFFSETS)
    match get_origin(annotation):
        case None:
            return _of_class(annotation, metadata)
        case origin if origin is Annotated:
            inner, *notes = get_args(annotation)
            return _of_type(inner, [*metadata, *(n for note in notes for n in _unfolded(note))])
        case origin if origin is Literal:
            return st.sampled_from(get_args(annotation))
        case origin if origin is tuple:
            item, _ = get_args(annotation)
            low, high = _length(metadata, longest=4)
            return st.lists(_of_type(item, []), min_size=low, max_size=high).map(tuple)
        case origin if origin in (Union, UnionType):
            return st.one_of([_of_type(option, metadata) for option in get_args(annotation)])
    raise TypeError(f"no strategy for {annotation}")


def _of_class(cls: Any, metadata: list[Any]) -> SearchStrategy[Any]:
    if cls is NoneType:
        return st.none()
    if cls is bool:
        return st.booleans()
    if cls is int:
        return st.integers(*_bounds(metadata))
    if cls is float:
        least, most = _bounds(metadata)
        return st.floats(least, most).filter(lambda value: not value.is_integer())
    if cls is str:
        low, high = _length(metadata, longest=2000)
        pattern = next((note.pattern for note in metadata if hasattr(note, "pattern")), None)
        if pattern is None:
            return st.text(_CHARACTERS, min_size=low, max_size=high)
        return st.from_regex(pattern, fullmatch=True).filter(lambda text: len(text) <= high)
    if issubclass(cls, BaseModel):
        return built(cls)
    raise TypeError(f"no strategy for {cls}")


def _unfolded(note: Any) -> list[Any]:
    """What an annotation says, one constraint each."""
    return note.metadata if isinstance(note, FieldInfo) else [note]


def _bounds(metadata: list[Any]) -> tuple[int, int]:
    """The least and the greatest number; a number without bounds has no strategy."""
    least: list[Any] = [note.gt for note in metadata if isinstance(note, Gt)]
    least = [gt + 1 for gt in least] or [note.ge for note in metadata if isinstance(note, Ge)]
    greatest: list[Any] = [note.le for note in metadata if isinstance(note, Le)]
    return least[0], greatest[0]


def _length(metadata: list[Any], *, longest: int) -> tuple[int, int]:
    shortest = next((note.min_length for note in metadata if isinstance(note, MinLen)), 0)
    allowed = next((note.max_length for note in metadata if isinstance(note, MaxLen)), longest)
    return shortest, min(allowed, longest)
