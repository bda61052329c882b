"""Read and change what is on disk of one deployment."""
