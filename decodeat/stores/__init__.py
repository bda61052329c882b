"""What the service writes down."""
