"""Frames that are made only when somebody looks at them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cuebot_simulator.world.state import Farm

PREFIX = 24
"""A frame's id is the first characters of its layer's, and its place in it as 12 hex digits."""


class Frames(dict[str, Any]):
    """Frames by id. Asked for one that is only a draft, it makes that layer's frames."""

    def __init__(self, farm: "Farm") -> None:
        super().__init__()
        self._farm = farm
        self._layers: dict[str, str] = {}

    def add_layer(self, layer: Any) -> None:
        """Note whose the ids are that `id_at` gives for this layer."""
        self._layers[layer.id[:PREFIX]] = layer.id

    def id_at(self, layer: Any, index: int) -> str:
        """The id of the frame at that place in a layer."""
        return f"{layer.id[:PREFIX]}{index:012x}"

    def __missing__(self, key: str) -> Any:
        layer = self._layers.get(key[:PREFIX])
        if layer not in self._farm.drafts:
            raise KeyError(key)
        self._farm.make_frames(layer)
        return self[key]
