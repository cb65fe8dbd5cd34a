"""Building events from values that have been checked already.

A pydantic constructor looks at every value of every event, which takes most of its time.
A reader of whole files checks whole columns instead, once, and builds its tens of
thousands of crossings here. Everything else uses the models' own constructors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import BaseModel

from events.base import Event

E = TypeVar("E", bound=Event)


def values_of(model: type[Event], **values: object) -> dict[str, Any]:
    """Every field of ``model`` in order: as given, else its default, else still to be set.

    The order matters: it is that of the encoded bytes.
    """
    fields = {name: field.get_default() for name, field in model.model_fields.items()}
    if not fields.keys() >= values.keys():
        raise AssertionError(f"{model.__name__} has no {sorted(values.keys() - fields.keys())}")
    return {**fields, **values}


def trusted(model: type[E]) -> Callable[[dict[str, Any]], E]:
    """A constructor of ``model`` that checks nothing and keeps the dictionary it is given.

    The caller vouches that the dictionary was made with ``values_of``, and filled with
    values that the model's own constructor would accept and leave as they are.
    """
    # What pydantic's model_construct sets, through the slots themselves: setattr refuses
    # on a frozen model, and object.__setattr__ looks each of them up by name.
    slots = vars(BaseModel)
    new = model.__new__
    set_values = slots["__dict__"].__set__
    set_names = slots["__pydantic_fields_set__"].__set__
    set_extra = slots["__pydantic_extra__"].__set__
    set_private = slots["__pydantic_private__"].__set__
    names = set(model.model_fields)  # shared: pydantic copies it before it changes it

    def build(values: dict[str, Any]) -> E:
        event = new(model)
        set_values(event, values)
        set_names(event, names)
        set_extra(event, None)
        set_private(event, None)
        return event

    return build
