"""What features add when a gateway starts, with the name of the one that cannot start."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from gateway.core.errors import ConfigurationError

log = structlog.stdlib.get_logger("gateway")


@contextmanager
def starting(feature: str, part: str) -> Iterator[None]:
    """Raises ConfigurationError with the names of the feature and of its method, for whatever that
    raises.
    """
    try:
        yield
    except ConfigurationError:
        raise
    except Exception as error:
        log.debug("a feature does not start", feature=feature, exc_info=True)
        problem = f"{part}(): {type(error).__name__}: {error}"
        raise ConfigurationError(f"the feature {feature!r} does not start: {problem}") from error


def added(features: Iterable[Any], part: str, *given: object) -> Iterator[Any]:
    """What each of them adds, by the name of its method: `routes`. Raises ConfigurationError."""
    for each in features:
        with starting(each.name, part):
            yield from getattr(each, part)(*given)
