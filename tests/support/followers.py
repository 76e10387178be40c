"""A `Follower` that follows nothing."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Follower:
    """Knows no probe. `told` is called when it is to look again."""

    told: Callable[[], object] = lambda: None
    probe: str = ""

    def request_refresh(self) -> None:
        self.told()
