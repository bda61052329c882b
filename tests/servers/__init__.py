"""Real servers for tests, on random ports of this machine, gone afterwards."""
