"""What a Cuebot offers: descriptors to a catalog of methods."""
