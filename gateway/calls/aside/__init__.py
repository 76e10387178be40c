"""Planning in a process of its own, for bodies that would hold the event loop."""
