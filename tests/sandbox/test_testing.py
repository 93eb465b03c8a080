"""The pytest fixtures that the package brings, as a user's own tests see them."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pendulum
import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.hooks.pictory import PictoryHook
from airflow_provider_pictory.hooks.posteverywhere import PostEverywhereHook
from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator, PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor
from airflow_provider_pictory.testing.connected_sandbox import ConnectedSandbox
from airflow_provider_pictory.testing.task_run import RunTask
from airflow_provider_pictory.version_compat import AirflowSkipException, BaseOperator
from tests.conftest import needs_state_store

try:
    from airflow.sdk import DAG, Param, task
except ImportError:
    from airflow import DAG
    from airflow.decorators import task
    from airflow.models.param import Param

START = pendulum.datetime(2026, 1, 1, tz="UTC")
URL = "https://pictures.example/a.png"


def pytest_in(folder: Path, *options: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options],
        cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


class TestPlugin:
    def test_a_suite_that_uses_no_fixture_of_it_notices_nothing(self, tmp_path: Path):
        (tmp_path / "test_other.py").write_text("""
import sys

def test_other(request):
    assert request.config.pluginmanager.has_plugin("airflow_provider_pictory")
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & {"airflow", "aiohttp", "PIL", "pendulum", "requests", "starlette", "uvicorn"}
    ours = {name for name in sys.modules if name.startswith("airflow_provider_pictory")}
    assert ours == {
        "airflow_provider_pictory", "airflow_provider_pictory.testing", "airflow_provider_pictory.testing.plugin",
    }
""")
        run = pytest_in(tmp_path, "-W", "error")
        assert run.returncode == 0, run.stdout + run.stderr

    def test_it_can_be_switched_off(self, tmp_path: Path):
        (tmp_path / "test_other.py").write_text("def test_other(run_task): pass")
        run = pytest_in(tmp_path, "-p", "no:airflow_provider_pictory")
        assert "fixture 'run_task' not found" in run.stdout

    def test_the_fixtures_say_what_they_are_for(self, tmp_path: Path):
        told = pytest_in(tmp_path, "--fixtures").stdout
        assert "pictory_sandbox" in told
        assert "Serve both services on a local port, empty" in told
        assert "Run one task, without a scheduler, a triggerer or a database" in told

    def test_a_missing_extra_is_named(self, tmp_path: Path):
        (tmp_path / "starlette.py").write_text("raise ImportError('No module named starlette')")
        (tmp_path / "test_dag.py").write_text("def test_dag(pictory_sandbox): pass")
        run = pytest_in(tmp_path, PYTHONPATH=str(tmp_path))
        assert "the sandbox needs the extra airflow-provider-pictory[sandbox]" in run.stdout


class TestSandbox:
    def test_both_default_connections_lead_there(self, pictory_sandbox: ConnectedSandbox):
        assert PictoryHook().endpoint.base_url.startswith(pictory_sandbox.sandbox.url)
        assert PostEverywhereHook().list_accounts()
        assert pictory_sandbox.requests == {"posteverywhere.list_accounts": 1}

    @pytest.mark.parametrize("again", [False, True])
    def test_each_test_has_an_empty_one(self, pictory_sandbox: ConnectedSandbox, again: bool):
        assert (pictory_sandbox.images, pictory_sandbox.media, pictory_sandbox.posts) == ([], [], [])
        assert (pictory_sandbox.requests, pictory_sandbox.credits_used) == ({}, 0)
        PictoryHook().submit_image(prompt="A red fox", model="flux-schnell")
        assert pictory_sandbox.credits_used == 0.6
        pictory_sandbox.change_settings(ai_credits=0)
        pictory_sandbox.fault("*", "status", times=None)

    def test_other_connections(self, pictory_sandbox: ConnectedSandbox):
        pictory_sandbox.connect("images_eu", "pictory", extra={"requests_per_minute": 60})
        assert PictoryHook("images_eu").endpoint.requests_per_minute == 60
        assert PictoryHook("images_eu").get_quota()
        pictory_sandbox.connect("brand", "posteverywhere", password="wrong")
        with pytest.raises(e.AuthenticationError):
            PostEverywhereHook("brand").list_accounts()

    def test_they_are_gone_after_it(self):
        assert "AIRFLOW_CONN_IMAGES_EU" not in os.environ
        assert "AIRFLOW_CONN_PICTORY_DEFAULT" not in os.environ


@pytest.fixture
def dag() -> Any:
    params = {"colour": Param("red"), "place": Param("at home")}
    with DAG("foxes", schedule=None, start_date=START, params=params) as dag:
        submit = GenerateImageOperator(
            task_id="submit",
            prompt="A {{ params.colour }} fox {{ params.place }} on {{ ds }}",
            params={"place": "at sea"},
            retries=2,
        )
        wait = ImageJobSensor(task_id="wait", job_id=submit.output)
        PostImageOperator(
            task_id="post", image=wait.output, content="{{ ti.xcom_pull('wait', key='caption') }}", account_ids=[2280]
        )
        GenerateImageOperator.partial(task_id="many", aspect_ratio="{{ params.ratio }}").expand(prompt=["a", "b"])

        @task
        def credits_left(factor: int, run_id: Any = None, **context: Any) -> str:
            return f"{PictoryHook().get_quota().ai_credits.left * factor:.0f} in {run_id}, {context['brand']}"

        credits_left(2)
    return dag


class TestRunTask:
    def test_templates_and_params(self, pictory_sandbox: ConnectedSandbox, run_task: RunTask, dag: Any):
        day = dt.datetime(2026, 3, 29, tzinfo=dt.timezone.utc)
        job_id = run_task(dag.get_task("submit"), params={"colour": "grey"}, logical_date=day)
        [image] = pictory_sandbox.images
        assert image["job_id"] == job_id
        assert image["prompt"] == "A grey fox at sea on 2026-03-29"
        assert run_task.xcoms["pictory_request"]["prompt"] == image["prompt"]
        assert dag.get_task("submit").prompt.startswith("A {{")

    def test_a_sensor_waits_in_its_trigger_and_a_post_has_its_image(
        self, pictory_sandbox: ConnectedSandbox, run_task: RunTask, dag: Any
    ):
        pictory_sandbox.change_settings(latency=0.2)
        job_id = run_task(dag.get_task("submit"))
        image = run_task(dag.get_task("wait"), upstream={"submit": job_id})
        assert image["job_id"] == job_id
        post = run_task(dag.get_task("post"), upstream={"wait": image, ("wait", "caption"): "Hi"})
        [made] = pictory_sandbox.posts
        assert (made["post_id"], made["content"]) == (post["post_id"], "Hi")
        assert run_task.xcoms["posteverywhere_post"]["job_id"] == job_id

    def test_a_mapped_task(self, pictory_sandbox: ConnectedSandbox, run_task: RunTask, dag: Any):
        for prompt in ("A red fox", "A grey wolf"):
            run_task(dag.get_task("many"), mapped={"prompt": prompt}, params={"ratio": "16:9"})
        assert [image["prompt"] for image in pictory_sandbox.images] == ["A red fox", "A grey wolf"]

    def test_a_function_with_more_context(self, pictory_sandbox: ConnectedSandbox, run_task: RunTask, dag: Any):
        assert run_task(dag.get_task("credits_left"), brand="ours") == "44000 in run, ours"

    @pytest.mark.parametrize("deferrable", [False, True])
    def test_waits_are_short_at_the_defaults(
        self, pictory_sandbox: ConnectedSandbox, run_task: RunTask, deferrable: bool
    ):
        pictory_sandbox.change_settings(latency=0.2)
        start = dt.datetime.now()
        task = GenerateImageOperator(
            task_id="task", prompt="A red fox", wait_for_completion=True, deferrable=deferrable
        )
        assert run_task(task)["status"] == "completed"
        assert (dt.datetime.now() - start).total_seconds() < 5

    @needs_state_store
    def test_the_next_try_resumes(self, pictory_sandbox: ConnectedSandbox, run_task: RunTask):
        pictory_sandbox.fault("posteverywhere.create_post", "reset", when="after")
        task = PostImageOperator(task_id="task", image=URL, content="Hi", account_ids=[2280])
        with pytest.raises(e.OutcomeUnknownError):
            run_task(task)
        assert run_task.xcoms["posteverywhere_post"]["error"]
        assert run_task(task)["post_id"] == pictory_sandbox.posts[0]["post_id"]
        assert pictory_sandbox.requests["posteverywhere.create_post"] == 1

    def test_a_delay_passes_in_no_time(self, pictory_sandbox: ConnectedSandbox, run_task: RunTask):
        pictory_sandbox.fault("pictory.submit_image", "status", status=429, headers={"Retry-After": "900"})
        assert run_task(GenerateImageOperator(task_id="task", prompt="A red fox"))
        assert pictory_sandbox.requests["pictory.submit_image"] == 2

    def test_what_a_task_raises(self, pictory_sandbox: ConnectedSandbox, run_task: RunTask):
        late = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
        with pytest.raises(AirflowSkipException):
            run_task(GenerateMediaOperator(task_id="task", prompt="A fox", skip_after=late))
        pictory_sandbox.change_settings(media_credits=0)
        with pytest.raises(e.InsufficientCreditsError):
            run_task(GenerateMediaOperator(task_id="task", prompt="A fox"))

    def test_operators_of_others(self, run_task: RunTask):
        class Own(BaseOperator):
            template_fields = ("word",)

            def __init__(self, word: str, **kwargs: Any) -> None:
                super().__init__(allow_nested_operators=False, **kwargs)
                self.word = word

            def execute(self, context: Any) -> Any:
                from airflow_provider_pictory.version_compat import TimeDeltaTrigger

                self.defer(trigger=TimeDeltaTrigger(dt.timedelta(0)), method_name="back", kwargs={"word": self.word})

            def back(self, context: Any, event: Any, word: str) -> str:
                return f"{word} {context['ti'].try_number}"

        own = Own(task_id="own", word="{{ run_id }}")
        assert [run_task(own), run_task(own)] == ["run 1", "run 2"]
