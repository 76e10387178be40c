"""Why Cuebot refuses calls, by the profile. What does not fit a schema is NotApplicable."""

from collections.abc import Mapping
from functools import partial

from gateway.core.calls.failures import OwnMeanings
from gateway.core.profile.draft import Draft
from gateway.core.profile.profile import Sign
from gateway.core.profile.schema_paths import (
    NotApplicable,
    entry,
    list_at,
    needed_method,
    proto_path,
)
from gateway.core.schema.method import Method
from gateway.features.obstacles.obstacle import Obstacle, Refused
from gateway.features.obstacles.profile import ObstacleEntry, ObstacleTables


def compile_obstacles(draft: Draft) -> None:
    for name, each in draft.tables(ObstacleTables).obstacles.items():
        with entry(f"obstacles.{name}", draft.unused):
            method = needed_method(draft.native, name)
            obstacle = obstacle_of(each, method, draft.native)
            draft.add(name, OwnMeanings(partial(refused_for, obstacle)))


def refused_for(obstacle: Obstacle, text: str, method: Method, payload: bytes) -> Refused | None:
    """The error if Cuebot's text is that of the obstacle."""
    return Refused(method, payload, obstacle, text) if obstacle.sign.fits(text) else None


def obstacle_of(each: ObstacleEntry, method: Method, methods: Mapping[str, Method]) -> Obstacle:
    reading, asked = needed_method(methods, each.call), method.descriptor.input_type
    request, answer = reading.descriptor.input_type, reading.descriptor.output_type
    try:
        for says in (each.says, each.says_one or "", each.otherwise):
            says.format(subject="", found="")
    except (LookupError, ValueError) as error:
        raise NotApplicable(f"no such field in a sentence: {error}") from None
    return Obstacle(
        Sign(begins=each.begins),
        each.says,
        each.says_one or "",
        each.otherwise,
        reading,
        tuple(
            (proto_path(asked, source), proto_path(request, target))
            for target, source in each.with_.items()
        ),
        list_at(answer, each.rows) if each.rows is not None else (),
        proto_path(answer, each.take) if each.take is not None else (),
        each.unless,
    )
