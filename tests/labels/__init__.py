"""Synthetic Korean food labels with their printed truth: no public set of real ones exists."""
