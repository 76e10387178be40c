"""What `check` looks at, and how it is reported."""
