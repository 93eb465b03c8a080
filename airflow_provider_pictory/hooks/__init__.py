"""Hooks for both services."""
