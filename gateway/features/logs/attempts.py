"""The attempts of a frame: the first is 1, and the last one is still called as it was written.

RQD moves the log of an earlier attempt to the first number that is free: `.rqlog.1`, `.rqlog.2`.
"""

from datetime import UTC, datetime
from typing import NamedTuple

from gateway.core.errors import Code, GatewayError
from gateway.features.logs.log_file import LogFile, NotThere, State
from gateway.features.logs.roots import Place

MOST_ATTEMPTS = 1000
MISSING_IN_A_ROW = 3
"""After so many numbers without a log, nobody looks further: somebody may have deleted some."""


class Attempt(NamedTuple):
    number: int
    place: Place
    state: State | GatewayError
    """Or why the log cannot be read."""

    def as_object(self) -> dict[str, object]:
        if isinstance(self.state, GatewayError):
            return {"attempt": self.number, "problem": self.state.message}
        modified = datetime.fromtimestamp(int(self.state.modified), UTC)
        return {
            "attempt": self.number,
            "size": self.state.size,
            "modified": f"{modified:%Y-%m-%dT%H:%M:%SZ}",
        }


def attempts_at(place: Place) -> list[Attempt]:
    """The logs that are there, the newest first. Blocks. Raises GatewayError if none is legible."""
    found: list[Attempt] = []
    number = missing = 0
    while missing < MISSING_IN_A_ROW and number < MOST_ATTEMPTS:
        number += 1
        earlier = attempt_at(earlier_at(place, number), number)
        is_there = earlier is not None and isinstance(earlier.state, State)
        missing = 0 if is_there else missing + 1
        if earlier is not None:
            found.append(earlier)
    newest = attempt_at(place, found[-1].number + 1 if found else 1)
    if newest is not None:
        found.append(newest)
    problems = [each.state for each in found if isinstance(each.state, GatewayError)]
    if problems and len(problems) == len(found):
        raise problems[-1].again()
    return found[::-1]


def attempt_at(place: Place, number: int) -> Attempt | None:
    """None if there is no log."""
    try:
        state = state_at(place)
    except GatewayError as error:
        return Attempt(number, place, error)
    return None if state is None else Attempt(number, place, state)


def open_attempt(place: Place, number: int | None) -> LogFile:
    """The log of an attempt, or of the newest one. Blocks. Raises GatewayError (NOT_FOUND)."""
    if number is None:
        return LogFile(place)
    try:
        return LogFile(earlier_at(place, number))
    except NotThere:
        there = attempts_at(place)
    if there and (there[0].number, there[0].place) == (number, place):
        return LogFile(place)
    numbers = ", ".join(str(each.number) for each in reversed(there)) or "none"
    problem = f"attempt {number} has no log at {place.told} (attempts with one: {numbers})"
    raise GatewayError(Code.NOT_FOUND, problem)


def earlier_at(place: Place, number: int) -> Place:
    return place.beside(f".{number}")


def state_at(place: Place) -> State | None:
    """None if there is no log. Raises GatewayError."""
    try:
        log = LogFile(place)
    except NotThere:
        return None
    try:
        return log.state()
    finally:
        log.close()
