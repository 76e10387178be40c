"""The simulated farm itself: its state, and the rules by which it changes. No gRPC here."""
