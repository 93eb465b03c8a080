"""What depends on Airflow's task instance: state across tries, XCom, log messages, ending in the triggerer."""
