"""Measures the command line as ratios within one run, so that the figures mean the same on any machine."""
