"""Frames that are made only when somebody looks at them.

A farm of 100,000 frames starts at once, since nobody looks at most of them.
"""

from collections.abc import Callable
from typing import Any

PREFIX = 24
"""A frame's id is the first characters of its layer's, and its place in it as 12 hex digits."""


class Frames(dict[str, Any]):
    """Frames by id. Asked for one of a lazy layer, it makes all frames of that layer first."""

    def __init__(self) -> None:
        super().__init__()
        self._layers: dict[str, str] = {}
        self._makers: dict[str, Callable[[], None]] = {}

    def add_layer(self, layer: Any, make: Callable[[], None]) -> None:
        """Note a lazy layer. `make` puts its frames in here, under the ids of `id_at`."""
        self._layers[layer.id[:PREFIX]] = layer.id
        self._makers[layer.id] = make

    def is_lazy(self, layer_id: str) -> bool:
        """Whether the frames of a layer are not made yet. False for what is no layer."""
        return layer_id in self._makers

    @property
    def lazy_layers(self) -> frozenset[str]:
        """The ids of the layers whose frames are not made yet."""
        return frozenset(self._makers)

    def make(self, layer_id: str) -> None:
        """Make the frames of a layer, unless they are made already."""
        if maker := self._makers.pop(layer_id, None):
            maker()

    def id_at(self, layer: Any, index: int) -> str:
        """The id of the frame at that place in a layer."""
        return f"{layer.id[:PREFIX]}{index:012x}"

    def __missing__(self, key: str) -> Any:
        layer = self._layers.get(key[:PREFIX], "")
        if not self.is_lazy(layer):
            raise KeyError(key)
        self.make(layer)
        return self[key]
