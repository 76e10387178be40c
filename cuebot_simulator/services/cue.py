"""cue.CueInterface."""

from typing import Any

from cuebot_simulator.services.handlers import Methods
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm


def get_system_stats(farm: Farm, request: Any, answer: Any) -> None:
    """The work since the farm began. Its queues are always empty."""
    tallies = [farm.tallies[show] for show in farm.shows]
    tries = sum(tally.rendered + tally.failed for tally in tallies)
    fill(
        answer.stats,
        manage_threads=4,
        manage_remaining_capacity=250,
        dispatch_threads=4,
        dispatch_remaining_capacity=2000,
        dispatch_executed=tries,
        report_threads=6,
        report_remaining_capacity=1000,
        report_executed=farm.executed["report"],
        booking_threads=6,
        booking_remaining_capacity=1000,
        booking_executed=farm.executed["booking"],
        booked_procs=tries + len(farm.procs),
        unbooked_procs=tries,
    )


METHODS: Methods = {"GetSystemStats": get_system_stats}
