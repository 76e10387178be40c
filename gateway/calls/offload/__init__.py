"""Planning of large bodies in a process of its own, so that they do not hold the event loop."""
