"""The backup container: a plain tar in zstd with a manifest as its last member."""
