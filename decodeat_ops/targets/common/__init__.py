"""Carry out steps that several targets have in their plans."""
