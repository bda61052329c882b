"""Bring a machine its certificate, by an authority or by hand, and tell which one clients really see."""
