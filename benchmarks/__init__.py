"""What the gateway costs, measured against Envoy: `make bench`. See README.md."""
