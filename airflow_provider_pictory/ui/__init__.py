"""Pages and forms in Airflow's own UI."""
