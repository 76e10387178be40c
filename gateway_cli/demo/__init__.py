"""The gateway and a simulated Cuebot in one process."""
