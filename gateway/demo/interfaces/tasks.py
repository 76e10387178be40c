"""task.TaskInterface."""

from collections.abc import Mapping

from gateway.demo.interfaces.handler import Handler

METHODS: Mapping[str, Handler] = {}
