"""The shape of a simulated method."""

from collections.abc import Callable
from typing import Any, TypeAlias

from cuebot_simulator.world.state import Farm

Handler: TypeAlias = Callable[[Farm, Any, Any], None]
"""Fills the answer (third) to a request (second), and changes the farm if that is its purpose.

Raises Missing for what is not there, and Refusal for what Cuebot will not do.
"""
