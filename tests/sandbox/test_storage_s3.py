"""Pictures in a bucket of a real S3-compatible server, through Airflow's connection, and what goes wrong there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.storage import store
from tests.conftest import Tries, needs_state_store
from tests.sandbox.s3 import S3, CuttingProxy, needs_s3
from tests.sandbox.tasks import generate, images, lose_the_answer, post, posts

pytestmark = [needs_s3, pytest.mark.usefixtures("connections", "no_sleep", "quick")]


@pytest.fixture(autouse=True)
def connected(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(s3, monkeypatch)


def connect(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in s3.connection.items():
        monkeypatch.setenv(name, value)


def keep(url: str, **kwargs: Any) -> Tries:
    return generate(wait_for_completion=True, save_to=url, **kwargs)


def test_the_picture_and_its_sidecar(sandbox: Sandbox, s3: S3):
    image = keep(s3.url("ds=2026-11-20/{job_id}")).run()
    key = f"ds=2026-11-20/{image['job_id']}"
    assert image["path"] == s3.url(f"{key}.png")
    assert s3.keys_of() == [f"{key}.json", f"{key}.png"]
    stored = s3.client().get_object(Bucket="pictures", Key=f"{key}.png")
    content = stored["Body"].read()
    assert stored["ContentType"] == "image/png"
    assert content == requests.get(image["url"], timeout=10).content
    sidecar = json.loads(s3.client().get_object(Bucket="pictures", Key=f"{key}.json")["Body"].read())
    assert sidecar["sha256"] == hashlib.sha256(content).hexdigest()


def test_another_run_pays_nothing(sandbox: Sandbox, s3: S3):
    first, second = (keep(s3.url("{fingerprint}"), if_exists="reuse") for _ in range(2))
    image = first.run()
    assert second.run() == {**image, "ai_credits_used": 0}
    assert len(images(sandbox)) == 1
    previews = [task.ti.pushed["pictory_preview"] for task in (first, second)]
    assert previews[0] == previews[1]
    assert previews[0]["path"] == image["path"]


def test_another_picture_is_an_error_before_anything_is_paid_and_may_be_replaced(sandbox: Sandbox, s3: S3):
    keep(s3.url("fox")).run()
    with pytest.raises(e.InvalidRequestError, match=r"fox\.png is another picture"):
        keep(s3.url("fox"), prompt="An otter at noon").run()
    assert len(images(sandbox)) == 1
    keep(s3.url("fox"), prompt="An otter at noon", if_exists="overwrite").run()
    sidecar = json.loads(s3.client().get_object(Bucket="pictures", Key="fox.json")["Body"].read())
    assert sidecar["prompt"] == "An otter at noon"


def test_an_object_is_created_once_though_two_write_at_the_same_moment(s3: S3, tmp_path: Any):
    local = tmp_path / "a.png"
    local.write_bytes(b"first")
    store.write(local, s3.url("a.png"), replace=False)
    local.write_bytes(b"second")
    with pytest.raises(FileExistsError):
        store.write(local, s3.url("a.png"), replace=False)
    assert store.read(s3.url("a.png")) == b"first"


def test_an_error_is_not_taken_for_a_missing_bucket(s3: S3, monkeypatch: pytest.MonkeyPatch):
    import s3fs

    monkeypatch.setattr(s3fs.S3FileSystem, "exists", lambda *_, **__: False)  # after any error, as s3fs has it
    store.check_writable(s3.url("fox"))
    with pytest.raises(e.InvalidRequestError, match=r"there is no none-such"):
        store.check_writable(s3.url("fox", bucket="none-such"))


def test_a_bucket_that_is_missing_is_an_error_before_anything_is_paid(sandbox: Sandbox, s3: S3):
    for name in ("{fingerprint}", "{job_id}"):
        with pytest.raises(e.InvalidRequestError, match=r"there is no none-such, or it may not be listed"):
            keep(s3.url(name, bucket="none-such")).run()
    assert not images(sandbox)


def test_a_server_that_is_down_may_come_back(sandbox: Sandbox, s3: S3, monkeypatch: pytest.MonkeyPatch):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = taken.getsockname()
    down = S3(address)
    connect(down, monkeypatch)
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 1)
    with pytest.raises(e.TransientError, match="cannot be reached or written now"):
        keep(down.url("fox")).run()
    assert not images(sandbox)


@pytest.fixture
def guarded(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """The same server, with keys that may list and read, but not write."""
    iam = s3.client("iam")
    iam.create_user(UserName="reader")
    actions = ["s3:GetObject", "s3:ListBucket", "s3:GetBucketLocation"]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
    iam.put_user_policy(UserName="reader", PolicyName="read", PolicyDocument=json.dumps(policy))
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = S3(s3.address, (made["AccessKeyId"], made["SecretAccessKey"]))
    connect(reader, monkeypatch)
    requests.post(f"{s3.endpoint}/moto-api/reset-auth", data=b"0", timeout=10).raise_for_status()
    yield reader
    requests.post(f"{s3.endpoint}/moto-api/reset-auth", data=b"inf", timeout=10).raise_for_status()


@needs_state_store
def test_no_permission_to_write_keeps_what_was_paid(
    sandbox: Sandbox, s3: S3, guarded: S3, monkeypatch: pytest.MonkeyPatch
):
    task = keep(guarded.url("fox"))
    with pytest.raises(e.PermissionDeniedError, match=r"no permission .*must be allowed to list, read and write"):
        task.run()
    requests.post(f"{s3.endpoint}/moto-api/reset-auth", data=b"inf", timeout=10).raise_for_status()
    assert task.run()["path"] == guarded.url("fox.png")
    assert len(images(sandbox)) == 1


def test_no_permission_to_read_is_noticed_before_anything_is_paid(
    sandbox: Sandbox, s3: S3, guarded: S3, monkeypatch: pytest.MonkeyPatch
):
    stranger = S3(s3.address, ("AKIAIOSFODNN7EXAMPLE", "secret"))
    connect(stranger, monkeypatch)
    with pytest.raises(e.PermissionDeniedError):
        keep(stranger.url("fox")).run()
    assert not images(sandbox)


@needs_state_store
def test_a_connection_that_breaks_in_the_middle_of_an_upload_leaves_nothing(
    sandbox: Sandbox, s3: S3, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)
    monkeypatch.setattr(store, "TRANSFER_TIMEOUT", 10.0)
    with CuttingProxy(s3.address, after=20_000) as proxy:
        behind = S3(proxy.address)
        connect(behind, monkeypatch)
        task = keep(behind.url("fox"))
        with pytest.raises(e.TransientError, match="cannot be reached or written now"):
            task.run()
        assert proxy.cut
    assert s3.keys_of() == []
    task.operator.save_to = s3.url("fox")
    assert task.run()["path"] == s3.url("fox.png")
    assert s3.keys_of() == ["fox.json", "fox.png"]
    assert len(images(sandbox)) == 1


def test_a_stored_picture_is_posted(sandbox: Sandbox, s3: S3, settings: Any):
    image = keep(s3.url("fox")).run()
    settings(retention=0)
    found = post(image=image["path"]).run()
    entry = sandbox.world.media[found["media_ids"][0]]
    assert entry.content == s3.client().get_object(Bucket="pictures", Key="fox.png")["Body"].read()
    assert post(image=image).run()["media_ids"] != found["media_ids"]


def test_a_post_is_made_once_across_runs(sandbox: Sandbox, s3: S3):
    def run(run_id: str) -> Tries:
        task = post(image="https://pictures.example/a.png", record_to=s3.url("posts/2026-11-20"))
        task.ti.run_id = run_id
        return task

    lose_the_answer(sandbox, run("first"))
    found = run("second").run()
    assert run("third").run()["post_id"] == found["post_id"]
    assert len(posts(sandbox)) == 1
    assert s3.keys_of() == ["posts/2026-11-20.json"]
