"""Servers that tests start for themselves, on random ports of this machine, and that go away with them."""
