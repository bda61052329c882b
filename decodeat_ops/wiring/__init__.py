"""Opens hosts, clients and targets from settings; the only room that imports adapters."""
