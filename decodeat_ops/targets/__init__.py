"""Hold the places where a release can run, one package each."""
