"""Waiting for many jobs and posts at once: the loop, rates, back-off, completion times."""
