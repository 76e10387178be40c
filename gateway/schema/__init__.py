"""From a source of descriptors to a Catalog: what there is to call, and with which codecs."""
