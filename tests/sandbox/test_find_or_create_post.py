"""The post that is made once, without Airflow: a script that is run again after each kind of end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.client.connection import Endpoint
from airflow_provider_pictory.client.requests import ImageUrl, PostRequest
from airflow_provider_pictory.client.services import POSTEVERYWHERE
from airflow_provider_pictory.client.transport import Transport
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.task.find_or_create_post import FindOrCreatePost, Stage, stage_of
from airflow_provider_pictory.task.state import PostState, load_state
from tests.conftest import StateStore, TaskInstance, needs_state_store
from tests.sandbox.tasks import calls, posts

pytestmark = [pytest.mark.usefixtures("no_sleep"), needs_state_store]

REQUEST = PostRequest(content="Hello", account_ids=[2280, 2282], image=ImageUrl("https://pictures.example/a.png"))

Run = Callable[..., FindOrCreatePost]


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    store = StateStore()

    def again(request: PostRequest = REQUEST) -> FindOrCreatePost:
        endpoint = Endpoint(sandbox.posteverywhere_url, sandbox.posteverywhere_key, requests_per_minute=60)
        transport = Transport(POSTEVERYWHERE, "script", lambda: endpoint)
        context: Any = {"ti": TaskInstance(), "task_state_store": store}
        state = load_state(context, PostState, request.fingerprint("script"))
        return FindOrCreatePost(transport, request, state, is_retry=False, run_started_at=0.0, try_started_at=0.0)

    return again


def stage(attempt: FindOrCreatePost) -> Stage:
    return stage_of(attempt._state.values)


def test_it_is_created_once_and_resumed_from_then_on(run: Run, sandbox: Sandbox):
    assert stage(run()) is Stage.NOT_CREATED
    created = run().find_or_create(tolerate_outage=False)
    assert stage(run()) is Stage.CREATED
    assert run().find_or_create(tolerate_outage=False).post_id == created.post_id
    assert len(posts(sandbox)) == 1


def test_one_whose_answer_was_lost_is_found_by_its_media(run: Run, sandbox: Sandbox):
    sandbox.fault("posteverywhere.create_post", "reset", when="after")
    with pytest.raises(e.OutcomeUnknownError):
        run().find_or_create(tolerate_outage=False)
    assert stage(run()) is Stage.OUTCOME_UNKNOWN
    assert 0 < run().seconds_to_settle <= 140
    [made] = posts(sandbox)
    assert run().find_or_create(tolerate_outage=False).post_id == made["post_id"]
    assert stage(run()) is Stage.CREATED
    assert calls(sandbox, "posteverywhere.create_post") == 1


def test_a_request_that_was_lost_before_it_arrived_is_sent_again(run: Run, sandbox: Sandbox):
    sandbox.fault("posteverywhere.create_post", "reset")
    with pytest.raises(e.OutcomeUnknownError):
        run().find_or_create(tolerate_outage=False)
    assert run().find_or_create(tolerate_outage=False).post_id
    assert len(posts(sandbox)) == 1
    assert calls(sandbox, "posteverywhere.upload_media_from_url") == 1


def test_a_request_without_effect_leaves_nothing_to_look_for(run: Run, sandbox: Sandbox):
    sandbox.fault("posteverywhere.create_post", "status", status=429)
    with pytest.raises(e.RateLimitedError):
        run().find_or_create(tolerate_outage=False)
    assert stage(run()) is Stage.NOT_CREATED
    assert run().seconds_to_settle == 0


def test_accounts_that_failed_are_published_on_again_and_no_others(
    run: Run, sandbox: Sandbox, travel: Callable[[float], None]
):
    request = PostRequest(content="[partial] Hello", account_ids=[2280, 2282], image=REQUEST.image)
    run(request).find_or_create(tolerate_outage=False)
    travel(60)
    post = run(request).find_or_create(tolerate_outage=False)
    assert [item.status for item in post.destinations] == ["published", "queued"]
    assert calls(sandbox, "posteverywhere.retry_post") == 1
    assert len(posts(sandbox)) == 1


def test_an_outage_is_tolerated_where_what_is_known_will_do(run: Run, sandbox: Sandbox):
    post_id = run().find_or_create(tolerate_outage=False).post_id
    sandbox.fault("posteverywhere.get_post", "status", status=503, times=None)
    with pytest.raises(e.TransientError):
        run().find_or_create(tolerate_outage=False)
    assert run().find_or_create(tolerate_outage=True).post_id == post_id


def test_a_post_that_is_gone_is_looked_for_by_the_next_run(run: Run, sandbox: Sandbox):
    run().find_or_create(tolerate_outage=False)
    sandbox.fault("posteverywhere.get_post", "status", status=404)
    with pytest.raises(e.NotFoundError):
        run().find_or_create(tolerate_outage=False)
    assert stage(run()) is Stage.OUTCOME_UNKNOWN
    assert run().find_or_create(tolerate_outage=False).post_id
    assert len(posts(sandbox)) == 1


def test_a_time_that_has_passed_is_refused_before_anything_is_imported(run: Run, sandbox: Sandbox):
    late = PostRequest(content="Hello", account_ids=[2280], image=REQUEST.image, scheduled_for="2020-01-01T00:00:00Z")
    with pytest.raises(e.InvalidRequestError, match=r"scheduled_for: is .*, which is in the past"):
        run(late).find_or_create(tolerate_outage=False)
    assert not sandbox.world.requests
