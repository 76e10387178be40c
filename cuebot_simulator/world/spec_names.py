"""The names in a job spec, as Cuebot conforms and refuses them."""

import re

from cuebot_simulator.world.spec_xml import SpecError

NAME = re.compile(r"[\w.]{3,}", re.ASCII)
FRAME_NAME = re.compile(r"(\d{4,6})-(\w+)", re.ASCII)


def conform_name(kind: str, name: str) -> str:
    """A Shot's or a Layer's name: lower case, and without dashes. Raises SpecError."""
    if len(name) < 3:
        raise SpecError(f"The {kind.lower()} name must be at least 3 characters.")
    conformed = name.replace("-", "_").lower()
    if not NAME.fullmatch(conformed):
        raise SpecError(
            f"The {kind.lower()} name: {conformed} is not in the proper format.  {kind} names must"
            " be alpha numeric, no dashes or punctuation."
        )
    return conformed


def conform_job_name(prefix: str, name: str) -> str:
    """A job's name without the `show-shot-user_` that it may begin with. Raises SpecError."""
    suffix = name.removeprefix(prefix[:-1]) if name.startswith(prefix) else name
    suffix = re.sub("_{2,}", "_", suffix.lower()).replace("-", "_")
    if not NAME.fullmatch(suffix):
        raise SpecError(
            f"The job name suffix: {suffix} must be composed of alpha numeric characters, periods,"
            " and underscores and be at least 3 characters long"
        )
    return suffix.lstrip("_")


def conform_frame_name(name: str) -> str:
    """A frame's name: `0001-layer`. Raises SpecError."""
    match = FRAME_NAME.fullmatch(name)
    if match is None:
        raise SpecError(f"The frame name: {name} is not in the proper format.")
    return f"{int(match[1]):04}-{conform_name('Layer', match[2])}"


def check_tag(tag: str) -> None:
    """Raises SpecError for what is no tag."""
    if not NAME.fullmatch(tag):
        raise SpecError(
            f"error, invalid tag {tag}, tags must be alpha numberic and at least 3 characters in"
            " length."
        )
