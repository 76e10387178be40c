"""connectrpc's conformance suite against the gateway: `python -m tests.conformance`."""
