"""Every answer of a command can be stored and given again."""

import inspect
from typing import Any, get_args, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.jukebox import Jukebox
from db.results import decoded, encoded, kinds

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))  # JSON knows no others


def commands() -> list[str]:
    """Methods of the jukebox that a repeated command id answers."""
    methods = inspect.getmembers(Jukebox, inspect.isfunction)
    return [name for name, method in methods if "command_id" in inspect.signature(method).parameters and name[0] != "_"]


@pytest.mark.parametrize("name", commands())
def test_what_a_command_answers_can_be_stored(name: str) -> None:
    answer = get_type_hints(getattr(Jukebox, name))["return"]
    assert set(get_args(answer) or (answer,)) <= set(kinds()), f"put it into core.records.results: {answer}"


@pytest.mark.parametrize("kind", kinds(), ids=lambda it: it.__name__)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_an_answer_comes_back_as_it_was(kind: type[Any], data: st.DataObject) -> None:
    answer = data.draw(st.from_type(kind))
    again = decoded(*encoded(answer))
    assert again == answer
    assert type(again) is type(answer)


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(TypeError):
        encoded(object())
