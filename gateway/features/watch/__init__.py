"""Event streams: reads that are watched."""
