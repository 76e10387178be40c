"""The profile's table of obstacles, by the method that Cuebot refuses."""

from typing import Annotated

from pydantic import Field

from gateway.core.profile.entry_types import Entry, FieldPath, MethodName, Template


class ObstacleEntry(Entry):
    """Why Cuebot refuses a call with an error text that `begins` so: a `call` tells, whose request
    takes values of the other (`with`). `says` has the value at `take` of its answer, unless that is
    one of `unless`, or the number of `rows`, for one of them in `says_one`, as `{found}`, and the
    object in the request as `{subject}`; `otherwise` is said without.
    """

    begins: Annotated[str, Field(min_length=1)]
    call: MethodName
    with_: dict[FieldPath, FieldPath] = Field(alias="with", default_factory=dict)
    rows: FieldPath | None = None
    take: FieldPath | None = None
    unless: tuple[str, ...] = ()
    says: Template
    says_one: Template | None = None
    otherwise: Template


class ObstacleTables(Entry):
    obstacles: dict[MethodName, ObstacleEntry] = {}
