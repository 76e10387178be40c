"""The farm's time."""

from functools import partial

from structlog.testing import capture_logs

from cuebot_simulator.world.clock import Agenda, StoppedClock


def test_steps_happen_when_they_are_due_in_the_order_of_their_times() -> None:
    clock, done = StoppedClock(100), []
    agenda = Agenda(clock)
    agenda.after(3, lambda: done.append(("late", agenda.now)))
    agenda.after(1, lambda: done.append(("first", agenda.now)))
    agenda.after(1, lambda: done.append(("second", agenda.now)))
    assert agenda.catch_up()
    assert done == []
    clock.advance(2)
    agenda.catch_up()
    clock.advance(8)
    agenda.catch_up()
    assert done == [("first", 101), ("second", 101), ("late", 103)]
    assert agenda.now == 110


def test_what_a_step_notes_happens_too_if_it_is_due() -> None:
    clock, done = StoppedClock(0), []
    agenda = Agenda(clock)

    def again() -> None:
        done.append(agenda.now)
        agenda.after(2, again)

    agenda.after(2, again)
    clock.advance(7)
    agenda.catch_up()
    assert done == [2, 4, 6]


def test_it_can_catch_up_in_parts() -> None:
    clock, done = StoppedClock(0), []
    agenda = Agenda(clock)
    for number in range(5):
        agenda.after(1, lambda number=number: done.append(number))  # type: ignore[misc]
    clock.advance(1)
    assert not agenda.catch_up(most=2)
    assert done == [0, 1]
    assert not agenda.catch_up(most=2)
    assert agenda.catch_up(most=2)
    assert done == [0, 1, 2, 3, 4]


def test_a_step_that_fails_does_not_stop_the_clock() -> None:
    clock, done = StoppedClock(0), []
    agenda = Agenda(clock)
    agenda.after(1, partial(fail, "first"))
    agenda.after(2, lambda: done.append(agenda.now))
    agenda.after(3, partial(fail, "last"))
    clock.advance(5)
    with capture_logs() as logs:
        assert agenda.catch_up()
    assert [(line["log_level"], line["step"]) for line in logs] == [("error", "fail")] * 2
    assert all(line["exc_info"] for line in logs)
    assert done == [2]
    assert agenda.now == 5


def fail(why: str) -> None:
    raise ValueError(why)


def test_it_can_be_shifted() -> None:
    clock, done = StoppedClock(0), []
    agenda = Agenda(clock)
    for seconds in (10, 12):
        agenda.after(seconds, lambda: done.append(agenda.now))
    assert agenda.late == 0
    clock.advance(3600)
    assert agenda.late == 3590
    agenda.shift(3590)
    agenda.catch_up()
    assert done == [3600]
    clock.advance(2)
    agenda.catch_up()
    assert done == [3600, 3602]
