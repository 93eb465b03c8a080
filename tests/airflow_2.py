"""What the pages import from `airflow.sdk`, on Airflow 2.11."""

from airflow import DAG as DAG
from airflow.datasets import Dataset, DatasetAlias
from airflow.decorators import task as task
from airflow.decorators import task_group as task_group
from airflow.io.path import ObjectStoragePath as ObjectStoragePath
from airflow.models.param import Param as Param

Asset = Dataset
AssetAlias = DatasetAlias
