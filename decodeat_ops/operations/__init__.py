"""One file per verb: settings and what was observed become a plan."""
