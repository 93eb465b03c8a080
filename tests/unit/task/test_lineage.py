"""What hook lineage and OpenLineage are told."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.task import lineage
from airflow_provider_pictory.task.lineage import WithLineage, dataset_name, inputs_of, report
from airflow_provider_pictory.version_compat import Asset, HookLineage, get_hook_lineage
from tests.unit.task.test_asset_events import IMAGE, POST

try:
    from airflow.sdk import DAG
except ImportError:  # Airflow 2.11
    from airflow import DAG

STORED = {**IMAGE, "path": "s3://aws_default@bucket/fox.png", "sha256": "00ff"}


class Task(WithLineage):
    def __init__(self, **arguments: Any) -> None:
        super().__init__(task_id="task")
        self.hook = self
        for name, value in arguments.items():
            setattr(self, name, value)


class Collector:
    """Takes what Airflow's collector takes, by the names of Airflow 2 or 3."""

    def __init__(self, noun: str) -> None:
        self.reported: list[tuple[str, str, dict[str, Any]]] = []
        for way in ("input", "output"):
            setattr(self, f"add_{way}_{noun}", self._adder(way, noun))

    def _adder(self, way: str, noun: str) -> Any:
        return lambda context, *, uri, **extra: self.reported.append((way, uri, extra[f"{noun}_extra"]))


@pytest.fixture(params=["asset", "dataset"])
def collector(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Collector:
    collector = Collector(request.param)
    monkeypatch.setattr(lineage, "get_hook_lineage", lambda: HookLineage(collector))
    return collector


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("s3://bucket/ds=1/fox.png", ("s3://bucket", "ds=1/fox.png")),
        ("s3a://bucket/fox.png", ("s3://bucket", "fox.png")),
        ("gcs://bucket/fox.png", ("gs://bucket", "fox.png")),
        ("abfs://container/fox.png", ("abfs://container", "fox.png")),
        ("file:///pictures/fox.png", ("file", "/pictures/fox.png")),
        ("https://pictures.example/j1.png", ("https://pictures.example", "/j1.png")),
        ("posteverywhere://posts/p%201", ("posteverywhere", "posts/p 1")),
    ],
)
def test_datasets_are_named_as_openlineage_names_them(uri: str, expected: tuple[str, str]):
    assert dataset_name(uri) == expected


def test_the_inputs_are_what_a_task_uses():
    url = "https://pictures.example/j1.png"
    assert inputs_of(Task(reference_image_url="https://a.example/b.png?c=d"), IMAGE) == ["https://a.example/b.png"]
    assert inputs_of(Task(), STORED) == [url]
    assert inputs_of(Task(image=IMAGE), STORED) == [url]
    assert inputs_of(Task(image=STORED), POST) == ["s3://bucket/fox.png"]
    assert inputs_of(Task(image=None, media_ids=["m1"]), POST) == ["posteverywhere://media/m1"]
    assert inputs_of(Task(image="{{ later }}", media_ids="{{ later }}"), None) == []


def test_the_signature_of_a_url_is_told_to_nobody(collector: Collector):
    signed = {**IMAGE, "url": "https://pictures.example/j1.png?X-Amz-Signature=secret"}
    task = Task()
    report({"ti": None, "task": task}, signed)
    assert [extra.get("url") for _, _, extra in collector.reported] == ["https://pictures.example/j1.png"]
    pytest.importorskip("airflow.providers.openlineage")
    assert "secret" not in repr(task.get_openlineage_facets_on_complete(None))


def test_what_a_dag_declares_is_told_to_openlineage_too():
    pytest.importorskip("airflow.providers.openlineage")
    task = Task(inlets=[Asset("s3://briefs/today.csv")], outlets=[Asset("s3://bucket/fox.png"), Asset("s3://b/all")])
    task.lineage_record = STORED
    for told in (task.get_openlineage_facets_on_start(), task.get_openlineage_facets_on_complete(None)):
        assert ("s3://briefs", "today.csv") in [(item.namespace, item.name) for item in told.inputs]
    assert [(item.namespace, item.name) for item in told.outputs] == [("s3://bucket", "fox.png"), ("s3://b", "all")]


def test_a_result_is_reported_to_hook_lineage_once(collector: Collector):
    task = Task()
    for _ in range(2):
        report({"ti": None, "task": task}, STORED)
    read, written = collector.reported
    assert read == ("input", "https://pictures.example/j1.png", {})
    assert written[:2] == ("output", "s3://bucket/fox.png")
    assert (written[2]["job_id"], written[2]["model"], written[2]["ai_credits_used"]) == ("j1", "seedream3.0", 2.0)


def test_a_job_without_an_image_is_no_output(collector: Collector):
    report({"ti": None, "task": Task()}, {**IMAGE, "url": None, "status": "failed", "error": "no"})
    assert collector.reported == []


def test_an_error_after_a_result_does_not_hide_it():
    task = Task()
    report({"ti": None, "task": task}, {**IMAGE, "url": None, "job_id": None, "media_id": "m1"})
    report({"ti": None, "task": task}, {"job_id": None, "url": None, "status": "failed", "error": "no bucket"})
    assert task.lineage_record is not None
    assert (task.lineage_record["media_id"], task.lineage_record["error"]) == ("m1", "no bucket")


def test_a_task_does_not_fail_for_its_lineage(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(lineage, "get_hook_lineage", lambda: HookLineage(object()))
    report({"ti": None, "task": Task()}, STORED)
    assert "Cannot report the lineage (AttributeError" in caplog.text


def test_without_a_reader_there_is_no_collector():
    assert get_hook_lineage() is None


def facets(found: Any) -> dict[str, dict[str, Any]]:
    from openlineage.client.serde import Serde

    return {name: Serde.to_dict(facet) for name, facet in found.items()}


@pytest.mark.parametrize("kind", [GenerateImageOperator, ImageJobSensor])
def test_mapped_tasks_keep_airflows_defaults(kind: Any):
    with DAG("d", schedule=None):
        task = kind.partial(task_id="task").expand(**{kind.template_fields[0]: ["A red fox"]})
    assert (task.inlets, task.outlets) == ([], [])


@pytest.fixture
def openlineage() -> None:
    pytest.importorskip("airflow.providers.openlineage", reason="the extra lineage-tests is not installed")


@pytest.mark.usefixtures("openlineage")
def test_openlineage_gets_a_stored_image():
    task = Task(reference_image_url="https://a.example/b.png", lineage_record=STORED)
    found = task.get_openlineage_facets_on_complete(None)
    assert [(item.namespace, item.name) for item in found.inputs] == [
        ("https://a.example", "/b.png"),
        ("https://pictures.example", "/j1.png"),
    ]
    [output] = found.outputs
    assert (output.namespace, output.name) == ("s3://bucket", "fox.png")
    run, dataset = facets(found.run_facets)["pictory_image"], facets(output.facets)["pictory_image"]
    expected = {"job_id": "j1", "model": "seedream3.0", "ai_credits_used": 2.0, "sha256": "00ff"}
    for facet in (run, dataset):
        assert expected.items() <= facet.items()
        assert facet["_schemaURL"]
    assert run["prompt"] == "A red fox"
    assert "prompt" not in dataset


@pytest.mark.usefixtures("openlineage")
def test_openlineage_gets_a_post():
    task = Task(image=STORED, lineage_record=POST)
    found = task.get_openlineage_facets_on_complete(None)
    assert [(item.namespace, item.name) for item in found.inputs] == [("s3://bucket", "fox.png")]
    assert [(item.namespace, item.name) for item in found.outputs] == [("posteverywhere", "posts/p1")]
    facet = facets(found.run_facets)["posteverywhere_post"]
    [destination] = POST["destinations"]
    known = {name: value for name, value in destination.items() if value is not None}  # OpenLineage leaves None out
    assert (facet["post_id"], facet["destinations"]) == ("p1", [known])


@pytest.mark.usefixtures("openlineage")
def test_openlineage_gets_what_a_failed_task_has_paid_for():
    failure = {"job_id": "j0", "ai_credits_expected": 2, "error": "no"}
    record = {**IMAGE, **failure, "url": None, "status": "failed", "failed_jobs": [failure]}
    found = Task(lineage_record=record).get_openlineage_facets_on_failure(None)
    assert found.outputs == []
    facet = facets(found.run_facets)["pictory_image"]
    assert (facet["error"], facet["ai_credits_expected"], facet["failed_jobs"]) == ("no", 2, [failure])


@pytest.mark.usefixtures("openlineage")
def test_openlineage_gets_the_inputs_when_a_task_starts():
    found = Task(image=IMAGE, lineage_record=None).get_openlineage_facets_on_start()
    assert [item.name for item in found.inputs] == ["/j1.png"]
    assert (found.outputs, found.run_facets) == ([], {})
