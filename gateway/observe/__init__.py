"""What is reported of finished requests: the log."""
