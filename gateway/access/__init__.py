"""Authentication, access rules, rate limits, fair quotas and load shedding."""
