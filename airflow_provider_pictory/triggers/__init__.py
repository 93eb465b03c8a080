"""Triggers for waiting without a worker slot."""
