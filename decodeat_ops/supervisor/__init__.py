"""Own the listening socket and keep releases running, in a process of its own; standard library only."""
