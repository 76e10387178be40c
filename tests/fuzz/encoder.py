"""Protobuf answers: the same JSON whole and in slices of any size, or INTERNAL in both."""

import json

from tests.support.protos import opencue, trial, trial_types
from tests.support.slicing import ONE_PIECE, SIZES, outcome

NAMES = [(trial(), name) for name in trial_types()]
NAMES += [(opencue(), f"job.{name}Response") for name in ("JobGetJobs", "FrameGetFrames")]


def one_input(data: bytes) -> None:
    """The first two bytes choose the type and the sizes of slices."""
    if len(data) < 2:
        return
    schema, name = NAMES[data[0] % len(NAMES)]
    payload = data[2:]
    whole = outcome(schema, name, payload, ONE_PIECE)
    assert outcome(schema, name, payload, SIZES[data[1] % len(SIZES)]) == whole
    if whole is not None:
        json.loads(whole)
