"""Lock a deployment and carry out, journal, undo and resume its plans: the one engine."""
