"""A store that several gateways share, and what becomes of it when it is away."""
