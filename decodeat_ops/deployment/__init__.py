"""What is on disk of one deployment, read and changed in one place."""
