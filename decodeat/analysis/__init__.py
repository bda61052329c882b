"""Derive what a label says from text alone, by arithmetic and rules without I/O."""
