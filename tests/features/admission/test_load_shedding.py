"""The limit on requests at once: it follows the time in the queues, and comes back."""

from gateway.features.admission.load_shedding import (
    LOOP_LAG_SECONDS,
    QUEUE_WAIT_SECONDS,
    SMALLEST_LIMIT,
    AdaptiveLimit,
)

MOST = 256


def observed(load: AdaptiveLimit, *lags: float, wait: float = 0.0, in_flight: int = MOST) -> int:
    """The limit after these observations."""
    for lag in lags:
        load.observe(lag, wait, in_flight)
    return load.limit


def test_a_loop_that_keeps_up_has_no_limit_but_the_setting() -> None:
    assert observed(AdaptiveLimit(MOST), *[0.0, LOOP_LAG_SECONDS] * 100) == MOST


def test_one_pause_is_no_overload() -> None:
    assert observed(AdaptiveLimit(MOST), *[1.0, 0.0] * 10) == MOST


def test_the_limit_shrinks_as_the_delay_is_too_long() -> None:
    assert (
        MOST * 0.7
        < observed(AdaptiveLimit(MOST), LOOP_LAG_SECONDS * 1.25, LOOP_LAG_SECONDS * 1.25)
        < MOST * 0.9
    )
    assert observed(AdaptiveLimit(MOST), 1.0, 1.0) == MOST / 2
    assert observed(AdaptiveLimit(MOST), *[1.0] * 20) == SMALLEST_LIMIT


def test_long_answers_that_wait_count_as_well() -> None:
    assert observed(AdaptiveLimit(MOST), 0.0, 0.0, wait=QUEUE_WAIT_SECONDS) == MOST
    assert observed(AdaptiveLimit(MOST), *[0.0] * 20, wait=QUEUE_WAIT_SECONDS * 2) == SMALLEST_LIMIT


def test_the_limit_shrinks_from_what_is_in_flight() -> None:
    assert observed(AdaptiveLimit(MOST), 1.0, 1.0, in_flight=60) == 30


def test_the_limit_comes_back() -> None:
    """Within some seconds of a loop that keeps up again."""
    load = AdaptiveLimit(MOST)
    observed(load, *[1.0] * 20)
    assert observed(load, *[0.0] * 20) > SMALLEST_LIMIT
    assert observed(load, *[0.0] * 60) == MOST


def test_a_small_setting_is_kept() -> None:
    assert observed(AdaptiveLimit(3), *[1.0] * 20, in_flight=3) == 3
