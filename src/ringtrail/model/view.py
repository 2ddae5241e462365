"""Views: functions that make something of a call or leg as it is read back, such as a vendor's object.

The names of a view's parameters are the fields that it reads. Nothing else is fetched for it, no list of names has to
be kept beside it, and a row goes straight into the call: a page has thousands of them.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Iterable
from functools import lru_cache
from types import FunctionType
from typing import Any, TypeAlias, TypeVar, cast

T = TypeVar("T")
View: TypeAlias = Callable[..., T]


def fields_of(view: View[Any]) -> tuple[str, ...]:
    """What a view reads, in the order in which it takes it."""
    code = cast(FunctionType, view).__code__
    return code.co_varnames[: code.co_argcount]


def seen(view: View[T], record: Any) -> T:
    """What a view makes of one CallRecord or LegRecord."""
    return view(*(getattr(record, name) for name in fields_of(view)))


@lru_cache(maxsize=64)
def _record(fields: tuple[str, ...]) -> Any:
    return namedtuple("Record", fields)


def records(fields: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Rows with names. Reading a field that was not asked for is an error, never a silent null."""
    return list(map(_record(fields)._make, rows))
