"""Operators: one task each that makes or posts an image."""
