"""One file a revision, named r<revision>_<what>.py: its name alone tells which schema a copy of the code knows."""
