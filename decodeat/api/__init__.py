"""Serve HTTP: the endpoints, the models of requests and answers, and who may call."""
