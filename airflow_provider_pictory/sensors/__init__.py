"""Sensors for Pictory."""
