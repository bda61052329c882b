"""Read pictures and understand their text; each engine is behind the same two ports."""
