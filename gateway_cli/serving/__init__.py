"""Running the gateway: one process, or several that share a port."""
