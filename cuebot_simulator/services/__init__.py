"""What the simulated Cuebot answers: one module per gRPC interface, with a handler per method."""
