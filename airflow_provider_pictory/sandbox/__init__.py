"""A sandbox with both services on one local port: for demos without an account, tests and benchmarks."""

from airflow_provider_pictory.sandbox.server import Sandbox

__all__ = ["Sandbox"]
