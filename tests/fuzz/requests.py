"""HTTP/1.1 requests: the same outcome however the bytes are cut, and never an exception."""

from random import Random

from tests.server.parsing import Events, parsed

TOO_MANY = 431


def one_input(data: bytes) -> None:
    """The first two bytes choose the cuts, and when requests are answered."""
    stream = data[2:]
    if not stream:
        return
    random = Random(data[:2])  # noqa: S311 - no secret
    expected = parsed(stream)
    for _ in range(3):  # plain heads are remembered
        cuts = [random.randrange(len(stream)) for _ in range(random.randrange(12))]
        answers = [random.randrange(3) for _ in cuts]
        assert_same(parsed(stream, cuts, answers), expected)
    assert_same(parsed(stream, range(len(stream))), expected)


def assert_same(found: Events, expected: Events) -> None:
    """Either of two mistakes may be told: a header too many shows when the next has its name."""
    assert found[0] == expected[0]
    refusals = found[1], expected[1]
    if None in refusals or TOO_MANY not in [refusal[0] for refusal in refusals if refusal]:
        assert refusals[0] == refusals[1]
