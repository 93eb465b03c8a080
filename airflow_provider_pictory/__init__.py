"""Airflow provider for AI image pipelines: Pictory makes the images, PostEverywhere publishes them."""

__version__ = "0.1.0"
