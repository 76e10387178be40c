"""What both command lines share: calls through a gateway, and what they show on a terminal."""
