"""How long the tests wait for what has to happen."""

PATIENCE = 100.0
"""Seconds after which something that has not happened never will, on a machine however busy.

Only a test that fails waits for so long. It is no measure of anything: that something comes soon,
or does not come, is shown by what happens before it.
"""
