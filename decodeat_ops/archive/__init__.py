"""Write and read the backup container: a plain tar in zstd with a manifest as its last member."""

from decodeat_ops.archive.manifest import NAME, PARTS, Entry, Manifest
from decodeat_ops.archive.reader import MOST, TooLarge, check_databases, extract, inspect, settings, verify
from decodeat_ops.archive.writer import Member, partial_path, write

__all__ = [
    "MOST",
    "NAME",
    "PARTS",
    "Entry",
    "Manifest",
    "Member",
    "TooLarge",
    "check_databases",
    "extract",
    "inspect",
    "partial_path",
    "settings",
    "verify",
    "write",
]
