"""What fuzzing has found stays fixed, and mutations of it find nothing new.

Inputs of AT_RANDOM targets are requests whose cost is measured: `make fuzz` asks those of the
corpus first, in a process without other tests. (Event loops of grpcio that live side by side in one
process fail each other's tests, too: BlockingIOError.)
"""

from random import Random

import pytest

from tests.fuzz.mutations import mutated
from tests.fuzz.targets import AT_RANDOM, CORPUS, LARGEST, TARGETS, corpus, load

MUTATIONS = 300
MOST_FILES = 80


@pytest.mark.parametrize("name", [each for each in TARGETS if each not in AT_RANDOM])
def test_inputs_of_the_corpus_and_mutations_are_taken_or_refused(name: str) -> None:
    one_input = load(name)
    known = [path.read_bytes() for path in corpus(name)]
    for data in known:
        one_input(data)
    random = Random(name)  # noqa: S311 - no secret
    for _ in range(MUTATIONS):
        data = mutated(random.choice(known), known, random)[:LARGEST]
        try:
            one_input(data)
        except BaseException as error:
            error.add_note(f"the input: {data!r}")
            raise


def test_the_corpus_is_small() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS)
    for name in TARGETS:
        sizes = [path.stat().st_size for path in corpus(name)]
        assert 0 < len(sizes) <= MOST_FILES, name
        assert max(sizes) <= LARGEST, name
