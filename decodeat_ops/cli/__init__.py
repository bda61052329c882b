"""Parse, call, print: the only room that knows typer and rich."""
