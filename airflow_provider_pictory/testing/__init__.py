"""Testing one's own DAGs: pytest fixtures for the sandbox, and for running one task without Airflow's processes."""
