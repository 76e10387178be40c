"""cue.CueInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill
from gateway.demo.farm.state import Farm
from gateway.demo.interfaces.handler import Handler


def get_system_stats(farm: Farm, request: Any, answer: Any) -> None:
    fill(
        answer.stats,
        manage_threads=4,
        manage_remaining_capacity=250,
        dispatch_threads=4,
        dispatch_remaining_capacity=2000,
        report_threads=6,
        report_remaining_capacity=1000,
        booking_threads=6,
        booking_remaining_capacity=1000,
        booked_procs=len(farm.procs),
    )


METHODS: Mapping[str, Handler] = {
    "GetSystemStats": get_system_stats,
}
