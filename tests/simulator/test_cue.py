"""cue.CueInterface."""

from tests.simulator.in_process import Cuebot


def test_statistics_count_what_the_farm_does(cuebot: Cuebot) -> None:
    """CueStatic.getSystemStats: all that was booked runs, or was unbooked; reports are counted."""
    before = cuebot("CueInterface/GetSystemStats").stats
    assert before.booked_procs - before.unbooked_procs == len(cuebot.farm.procs)
    assert before.report_executed == 0
    cuebot.wait(300)
    after = cuebot("CueInterface/GetSystemStats").stats
    assert after.booked_procs - after.unbooked_procs == len(cuebot.farm.procs)
    assert after.unbooked_procs > before.unbooked_procs
    assert after.dispatch_executed == after.unbooked_procs
    up = sum(host.state == 0 for host in cuebot.farm.hosts.values())
    assert up * 58 <= after.report_executed <= up * 60  # the last beat is still under way
    assert after.booking_executed >= after.report_executed
