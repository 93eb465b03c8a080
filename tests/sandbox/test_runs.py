"""DAGs of the tests, run by Airflow itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pictory.sandbox import Sandbox
from tests.sandbox.run_dags import run_dags

pytestmark = pytest.mark.slow

FOLDER = Path(__file__).with_name("dags")


class TestPostsWithoutImage:
    @pytest.fixture(scope="class")
    def outcome(self, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
        with Sandbox(latency=0, publish_latency=0) as sandbox:
            found = run_dags(tmp_path_factory.mktemp("airflow"), FOLDER, sandbox, "without_image")
            return {**found, "posts": [post["content"] for post in sandbox.world.ledger()["posts"]]}

    @pytest.mark.parametrize("given", ["argument", "media", "template", "partial"])
    @pytest.mark.parametrize(("maker", "state"), [("skipped", "skipped"), ("failed", "failed"), ("nothing", "failed")])
    def test_it_is_skipped_if_its_maker_was_and_fails_otherwise(
        self, outcome: dict[str, Any], given: str, maker: str, state: str
    ):
        ended = outcome["ended"]["without_image"]
        indexes = (0, 1) if given == "partial" else (-1,)
        assert [ended[f"{given}_{maker}[{index}]"] for index in indexes] == [state] * len(indexes)

    def test_in_a_mapped_task_group_each_is_by_itself(self, outcome: dict[str, Any]):
        ended = outcome["ended"]["without_image"]
        assert [ended[f"some.post[{index}]"] for index in (0, 1, 2)] == ["success", "skipped", "success"]

    def test_a_list_with_holes_fails_where_they_are(self, outcome: dict[str, Any]):
        ended = outcome["ended"]["without_image"]
        assert [ended[f"expand[{index}]"] for index in (0, 1)] == ["success", "failed"]

    def test_none_in_the_dag_file_fails(self, outcome: dict[str, Any]):
        assert outcome["ended"]["without_image"]["literal[-1]"] == "failed"

    def test_only_what_has_an_image_is_posted_and_all_say_why_not(self, outcome: dict[str, Any]):
        assert len(outcome["posts"]) == 3
        assert "neither is given" not in outcome["log"]
        for said in ("(skipped: skipped)", "(failed: failed)", "(nothing: success)"):
            assert outcome["log"].count(f"image: is None, nothing is posted {said}") >= 3, outcome["log"]
