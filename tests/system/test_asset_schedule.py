"""One DAG's asset events start another, under a scheduler: the example DAGs."""

from __future__ import annotations

from airflow_provider_pictory.sandbox import Sandbox
from tests.system.processes import AIRFLOW_2, Airflow, wait_until

ASSET = "dataset" if AIRFLOW_2 else "asset"


def test_pictures_that_one_dag_makes_are_posted_once_by_another(any_airflow: Airflow, night: Sandbox):
    scheduled = f"select 1 from dag_schedule_{ASSET}_reference where dag_id = 'pictory_assets_post'"
    wait_until(lambda: any_airflow.query(scheduled), "the second DAG is scheduled by the asset")
    run = any_airflow.trigger("pictory_assets")
    assert any_airflow.ends(run) == "success"
    [(event, extra)] = any_airflow.query(f"select id, extra from {ASSET}_event where source_run_id = %s", run)
    ledger = night.world.ledger()
    credits = {image["job_id"]: image["credits"] for image in ledger["images"]}
    assert len(credits) == 2
    assert {image["job_id"]: image["ai_credits_used"] for image in extra["images"]} == credits
    pictures = any_airflow.home / "pictures"
    assert [image["path"] for image in extra["images"]] == [
        (pictures / f"{image['job_id']}.png").as_uri() for image in extra["images"]
    ]
    assert len(list(pictures.glob("*.png"))) == 2

    consumers = (
        f"select run_id, run_type from dag_run join dagrun_{ASSET}_event on dag_run_id = dag_run.id where event_id = %s"
    )
    [(consumer, kind)] = wait_until(lambda: any_airflow.query(consumers, event), "the event starts the second DAG")
    assert kind == f"{ASSET}_triggered"
    assert any_airflow.ends(consumer) == "success"
    ledger = night.world.ledger()
    imported = {media["media_id"]: media["source_url"] for media in ledger["media"]}
    posted = [imported[media_id] for post in ledger["posts"] for media_id in post["media_ids"]]
    assert sorted(posted) == sorted(image["url"] for image in extra["images"])
