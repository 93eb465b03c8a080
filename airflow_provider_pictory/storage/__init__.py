"""Keeping pictures in object storage: downloading, verifying and writing them, and the JSON file beside each."""
