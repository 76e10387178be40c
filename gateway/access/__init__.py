"""Authentication, rate limits, fair quotas and load shedding."""
