"""What a Cuebot offers: types, methods and their codecs, paths. Pure: no I/O."""
