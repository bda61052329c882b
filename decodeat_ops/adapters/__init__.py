"""Connect our ports to the outside world, and translate the errors of other libraries."""
