"""Rows as msgspec Structs."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
from psycopg import AsyncCursor
from psycopg.rows import AsyncRowFactory

T = TypeVar("T")


def struct_row(type_: type[T]) -> AsyncRowFactory[T]:
    """A row factory that validates: a column that is missing or of another type is an error, not a surprise."""

    def factory(cursor: AsyncCursor[Any]) -> Callable[[Sequence[Any]], T]:
        names = [column.name for column in cursor.description or ()]

        def row(values: Sequence[Any]) -> T:
            return msgspec.convert(dict(zip(names, values, strict=True)), type_)

        return row

    return factory
