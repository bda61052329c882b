"""Load and check the settings that the operator wrote, with their origins; resolve secret references late."""
