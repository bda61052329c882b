"""The service over HTTP: endpoints, the shapes they speak, and who may call them."""
