"""Look-ups by id that do more than a dictionary."""

from collections.abc import Callable
from typing import Any

PREFIX = 24  # a frame's id is that much of its layer's, and its place in it as 12 hex digits


class Frames(dict[str, Any]):
    """Frames by id. Those of a lazy layer are made when one of them is looked up.

    A farm of 100,000 frames starts at once, since nobody looks at most of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self._layers: dict[str, str] = {}
        self._makers: dict[str, Callable[[], None]] = {}

    def add_layer(self, layer: Any, make: Callable[[], None]) -> None:
        """Add a lazy layer. `make` adds its frames, under the ids of `id_at`."""
        self._layers[layer.id[:PREFIX]] = layer.id
        self._makers[layer.id] = make

    def is_lazy(self, layer_id: str) -> bool:
        """Whether the frames of a layer are not made yet. False for other ids."""
        return layer_id in self._makers

    @property
    def lazy_layers(self) -> frozenset[str]:
        """The ids of the lazy layers."""
        return frozenset(self._makers)

    def make(self, layer_id: str) -> None:
        """Make the frames of a layer, if it is lazy."""
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


class HostIndex(dict[str, str]):
    """The ids of hosts by those of procs and render partitions, and the other way round."""

    def __init__(self) -> None:
        super().__init__()
        self._things: dict[str, dict[str, None]] = {}

    def on(self, host: str) -> tuple[str, ...]:
        """The ids on that host, in the order of their arrival."""
        return tuple(self._things.get(host, ()))

    def __setitem__(self, thing: str, host: str) -> None:
        super().__setitem__(thing, host)
        self._things.setdefault(host, {})[thing] = None

    def __delitem__(self, thing: str) -> None:
        del self._things[self[thing]][thing]
        super().__delitem__(thing)
