"""What is checked of a release beside its code: its dependencies, and what it is built into."""
