"""One file per subject, and the checklists as data."""
