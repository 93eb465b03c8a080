"""What Airflow's task instance is used for: state across tries, XCom, log messages, the end in the triggerer."""
