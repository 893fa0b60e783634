from dataclasses import fields

from core.changes import Changes
from db.batch import merge


def test_merging_forgets_no_kind_of_change() -> None:
    """A field that somebody adds to Changes has to be merged as well."""
    for field in fields(Changes):
        earlier, later = Changes(), Changes()
        value = getattr(later, field.name)
        noted = {"x"} if isinstance(value, set) else ["x"] if isinstance(value, list) else True
        setattr(later, field.name, noted)
        merge(earlier, later)
        assert getattr(earlier, field.name) == noted


def test_what_happened_first_stays_first() -> None:
    into = Changes(events=["a"], header=True)  # pyright: ignore[reportArgumentType] -- any value will do
    merge(into, Changes(events=["b", "c"]))  # pyright: ignore[reportArgumentType] -- any value will do
    assert into.events == ["a", "b", "c"]
    assert into.header
