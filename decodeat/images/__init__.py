"""Fetch pictures from allowed addresses, decode them within limits, and straighten and clean their pages."""
