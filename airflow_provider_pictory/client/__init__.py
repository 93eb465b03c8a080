"""The HTTP APIs of both services: connections, requests and responses."""
