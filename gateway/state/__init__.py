"""A store that several gateways share."""
