"""Hooks: the services' HTTP APIs in Python."""
