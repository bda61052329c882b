"""Check a deployment: one file per subject, and the checklists as data."""
