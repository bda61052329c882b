"""Run releases on this machine, without Docker, a cloud or its keys."""
