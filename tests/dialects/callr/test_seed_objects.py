"""Every object that a method can return is one of the vendor's page, property for property.

What methods do return is checked wherever the fixture `rpc` calls one (conformity.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
import pytest

from ringtrail.dialects.callr.objects import Shape, result_of
from ringtrail.dialects.callr.registry import METHODS
from tests.dialects.callr.conformity import FORMATS, LIVE, NOT_ON_THE_PAGE, OBJECTS, NotConformingError, check_object
from tests.dialects.callr.seed_table import compact, objects

PAGE = """Methods
Objects
Object | Description |
---|---|
Fish | A fish |
Fish.Filters | Search filters |
A fish
{
"born": "2024-04-24 00:42:42",
"fins": [],
"KIND": "(string)"
}
Property | Type | Description |
---|---|---|
KIND | string |
Its kind Values: "COD", "EEL" |
born | string |
When Format: datetime (of its birth) |
fins | array |
Fins Array of objects: Fin |
Search filters
{
}
Property | Type | Description |
---|
"""
GOOD_COUNTRY = {"available": {"CLASSIC": 1, "GOLD": 0}, "code": "FR", "label": "France"}


def test_the_table_of_the_page_is_read_as_it_stands() -> None:
    found = objects(PAGE)
    assert found == {
        "Fish": {
            "born": {"type": "string", "format": "datetime"},
            "fins": {"type": "array", "objects": ["Fin"]},
            "KIND": {"type": "string", "values": ["COD", "EEL"]},
        },
        "Fish.Filters": {},
    }
    assert list(found["Fish"]) == ["born", "fins", "KIND"]
    assert msgspec.json.decode(compact(found)) == found


def test_every_fact_of_the_table_can_be_checked() -> None:
    assert len(OBJECTS) == 131
    for name, properties in OBJECTS.items():
        for facts in properties.values():
            assert facts.get("format") in (None, *FORMATS), name
            assert set(facts.get("objects", ())) <= set(OBJECTS), name


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"code": "fr"}, "country_code"),
        ({"label": 7}, "string"),
        ({"available": {"CLASSIC": True, "GOLD": 0}}, "int"),
        ({"available": {"GOLD": 0, "CLASSIC": 1}}, "the page has"),
        ({"more": 1}, "the page has"),
    ],
)
def test_what_differs_is_found(changes: dict[str, Any], said: str) -> None:
    check_object("DID.Country", GOOD_COUNTRY)
    with pytest.raises(NotConformingError, match=said):
        check_object("DID.Country", GOOD_COUNTRY | changes)


def test_a_property_that_is_missing_is_found() -> None:
    with pytest.raises(NotConformingError):
        check_object("DID.Country", {"code": "FR", "label": "France"})


@pytest.mark.parametrize("method", METHODS)
def test_a_method_declares_results_that_the_page_has(method: str) -> None:
    for shape in _parts(result_of(METHODS[method])):
        assert shape.kind != "mixed", "a result of any kind cannot be checked"
        if shape.kind == "object" and shape.name not in NOT_ON_THE_PAGE:
            assert shape.name in OBJECTS, f"objects.py does not say which object {shape.struct} is"
            assert shape.struct is not None
            known = [name for name in _fields(shape.struct) if name not in LIVE.get(shape.name, {})]
            assert known == [name for name in OBJECTS[shape.name] if name not in LIVE.get(shape.name, {})]


def _parts(shape: Shape) -> Iterator[Shape]:
    yield shape
    for item in shape.items:
        yield from _parts(item)


def _fields(struct: type[msgspec.Struct]) -> list[str]:
    assert get_type_hints(struct)
    return list(struct.__struct_encode_fields__)
