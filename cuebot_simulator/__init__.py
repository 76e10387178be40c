"""A simulated Cuebot with an in-memory farm, for the demo and the tests."""
