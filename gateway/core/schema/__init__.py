"""What a Cuebot offers: methods, their types and codecs."""
