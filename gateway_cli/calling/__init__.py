"""`cuebot-gateway call`: its options, the call, and what it prints."""
