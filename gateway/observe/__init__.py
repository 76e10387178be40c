"""What is reported of finished requests: logs and traces."""
