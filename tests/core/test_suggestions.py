"""The name that somebody may have meant."""

from collections.abc import Callable

import pytest

from gateway.core.suggestions import did_you_mean
from gateway_client import suggestions as client

CRITERIA = ("ids", "frames", "layers", "states", "frameRange", "memoryRange", "page", "limit")
ALLOCATIONS = ("local.general", "local.n22", "cloud.n221")


@pytest.mark.parametrize(
    ("word", "names", "found"),
    [
        ("farmes", CRITERIA, "frames"),
        ("FRAMES", CRITERIA, "frames"),
        ("range", CRITERIA, "frameRange"),
        ("memory", CRITERIA, "memoryRange"),
        ("frame", CRITERIA, "frames"),
        ("li", CRITERIA, "limit"),
        ("n22", ALLOCATIONS, "local.n22"),
        ("gene", ALLOCATIONS, "local.general"),
        ("n2", ALLOCATIONS, ""),
        ("id", ("width", "jobId"), "jobId"),
        ("zzz", CRITERIA, ""),
        ("", CRITERIA, ""),
    ],
    ids=[
        "a slip",
        "another case",
        "a word of several names, of which the shortest is nearest",
        "a word that looks like none",
        "the singular",
        "a beginning",
        "a part between dots",
        "the beginning of a part",
        "a short word within a part",
        "a short word that is a part, and within another",
        "nothing near",
        "nothing",
    ],
)
def test_the_nearest_name(word: str, names: tuple[str, ...], found: str) -> None:
    assert did_you_mean(word, names) == (f"; did you mean {found}?" if found else "")


METHODS = ("GetJob", "GetJobs", "GetLayers", "SetMinCores", "SetMaxCores", "SetMinGpus")


@pytest.mark.parametrize("suggest", [did_you_mean, client.did_you_mean])
@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("GetJobz", "GetJob or GetJobs"),
        ("GetJbs", "GetJobs or GetJob"),
        ("getjbos", "GetJobs"),
        ("SetMnCores", "SetMinCores"),
        ("GtLayrs", "GetLayers"),
        ("zzz", ""),
        ("", ""),
    ],
)
def test_several_that_are_a_letter_away(suggest: Callable[..., str], word: str, found: str) -> None:
    assert suggest(word, METHODS, several=True) == (f"; did you mean {found}?" if found else "")
