"""Parse, call, print: the only package that knows typer and rich."""
