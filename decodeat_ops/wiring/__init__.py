"""Open hosts, clients and targets from settings; the only package that imports adapters."""
