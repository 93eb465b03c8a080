"""Triggers: waiting without a worker."""
