"""Define the values and ports that every other package uses: no I/O, and no import of another of our packages."""
