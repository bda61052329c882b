"""The outside world behind our ports; errors of others end here."""
