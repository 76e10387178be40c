"""What is told of a finished exchange."""
