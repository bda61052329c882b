"""The nouns and the ports: values, no I/O, importing nothing of ours."""
