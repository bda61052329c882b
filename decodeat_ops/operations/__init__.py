"""Build plans from settings and the observed state, one file per verb."""
