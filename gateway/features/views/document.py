"""What the OpenAPI document says of views: columns, and the units of numbers."""

from collections.abc import Container, Mapping
from functools import cache

from gateway.core.schema.method import Method
from gateway.feature import Description
from gateway.features.views.columns import NUMBER, SECONDS, TEXT, Column
from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.units import NO_UNITS, unit_of

COLUMN_TYPES = {SECONDS.name: "integer", NUMBER.name: "number", TEXT.name: "string"}


def describe_answers(method: Method, listed: Container[str]) -> Description:
    views = AnswerViews.of(method)
    columns = {
        name: schema_of(column)
        for name, column in sorted(views.columns.items())
        if column.owned is None or column.owned.call in listed
    }
    return Description(
        extensions={"x-columns": columns} if columns else {},
        fields={name: in_unit(unit) for name, unit in views.units.items()},
    )


@cache
def in_unit(unit: str) -> Mapping[str, object]:
    """The same object each time: all methods tell the units of all fields."""
    return {"x-unit": unit}


def schema_of(column: Column) -> dict[str, object]:
    unit = unit_of(column.leaf, NO_UNITS)
    return {
        "type": [COLUMN_TYPES[column.leaf.name], "null"],
        "description": column.about,
        **({"x-unit": unit} if unit else {}),
    }
