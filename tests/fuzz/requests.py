"""HTTP/1.1 requests: the same outcome however the bytes are cut, and never an exception."""

from random import Random

from gateway.server.http1.heads import HeadMemory
from tests.support.parsing import parsed


def one_input(data: bytes) -> None:
    """The first two bytes choose the cuts, and when requests are answered."""
    stream = data[2:]
    if not stream:
        return
    random = Random(data[:2])  # noqa: S311 - no secret
    expected = parsed(stream)
    heads = HeadMemory()
    for _ in range(3):  # the third time, heads are remembered
        cuts = [random.randrange(len(stream)) for _ in range(random.randrange(12))]
        answers = [random.randrange(3) for _ in cuts]
        assert parsed(stream, cuts, answers, heads) == expected
    assert parsed(stream, range(len(stream))) == expected
