"""Pictures that tasks store in a folder: what is written, what is paid, and what a retry or another run finds."""

from __future__ import annotations

import dataclasses
import errno
import hashlib
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_pictory import exceptions as e
from airflow_provider_pictory.operators.posteverywhere import GenerateMediaOperator
from airflow_provider_pictory.operators.storage import SaveImageOperator
from airflow_provider_pictory.sandbox import Sandbox
from airflow_provider_pictory.storage import save_picture, store
from airflow_provider_pictory.storage.preview import preview_of_stored
from airflow_provider_pictory.version_compat import AirflowFailException, AirflowSkipException, has_gallery
from tests.conftest import Tries, needs_state_store
from tests.sandbox.picture_server import PictureServer, ok, png, status
from tests.sandbox.tasks import PROMPT, calls, generate, images, post, posts, rendered, sensor

pytestmark = pytest.mark.usefixtures("connections", "no_sleep", "quick")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "kept"


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def keep(folder: Path, name: str = "{fingerprint}", **kwargs: Any) -> Tries:
    task = generate(wait_for_completion=True, save_to=f"file://{folder}/{name}", **kwargs)
    task.ti.__dict__.update(task_id="generate")
    return task


def save(image: Any, save_to: str, **kwargs: Any) -> Tries:
    return Tries(rendered(SaveImageOperator, task_id="save", image=image, save_to=save_to, **kwargs))


def media(folder: Path, name: str = "{fingerprint}", **kwargs: Any) -> Tries:
    save_to = f"file://{folder}/{name}"
    return Tries(rendered(GenerateMediaOperator, task_id="media", prompt=PROMPT, save_to=save_to, **kwargs))


class TestGenerateImage:
    def test_the_path_is_in_the_result(self, sandbox: Sandbox, folder: Path, deferrable: bool):
        task = keep(folder, "ds=2026-11-20/{job_id}", deferrable=deferrable, model="flux-schnell")
        image = task.run()
        [job_id] = [item["job_id"] for item in images(sandbox)]
        path = folder / "ds=2026-11-20" / f"{job_id}.png"
        assert image == {
            "job_id": job_id,
            "status": "completed",
            "url": f"{sandbox.url}/pictures/{job_id}.png",
            "width": 1024,
            "height": 1024,
            "ai_credits_used": 0.6,
            "path": f"file://{path}",
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        assert path.read_bytes() == requests.get(image["url"], timeout=10).content
        assert task.ti.pushed["pictory_image"] == {**image, "prompt": PROMPT, "model": "flux-schnell"}
        assert files(folder) == [f"ds=2026-11-20/{job_id}.json", f"ds=2026-11-20/{job_id}.png"]

    def test_it_ends_in_a_worker(self, sandbox: Sandbox, folder: Path):
        task = keep(folder, deferrable=True)
        task.run()
        assert [trigger["end_from_trigger"] for _, trigger in task.triggers] == [False]

    def test_the_sidecar_says_what_made_it(self, sandbox: Sandbox, folder: Path):
        task = keep(folder, "fox", style="vintage", aspect_ratio="16:9", webhook="https://hooks.example/?token=secret")
        image = task.run()
        content = (folder / "fox.png").read_bytes()
        found = json.loads((folder / "fox.json").read_text())
        path = image.pop("path")
        assert path == f"file://{folder}/fox.png"
        assert image.pop("sha256") == hashlib.sha256(content).hexdigest()
        assert found.pop("saved_at")
        assert len(found.pop("fingerprint")) == 64
        assert found == {
            "schema_version": 1,
            "file": "fox.png",
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "content_type": "image/png",
            "width": 1280,
            "height": 720,
            "image": image,
            "prompt": PROMPT,
            "model": "seedream3.0",
            "parameters": {"style": "vintage", "aspect_ratio": "16:9"},
            "dag_id": "dag",
            "run_id": "run",
            "task_id": "generate",
            "map_index": -1,
        }

    def test_another_picture_under_the_name_is_an_error_before_anything_is_paid(self, sandbox: Sandbox, folder: Path):
        keep(folder, "fox").run()
        other = keep(folder, "fox")
        other.ti.run_id = "other"
        with pytest.raises(e.InvalidRequestError) as caught:
            other.run()
        assert "fox.png is another picture, stored by DAG dag, run run, task generate; allowed: " in str(caught.value)
        assert len(images(sandbox)) == 1

    def test_so_is_a_file_of_somebody_else(self, sandbox: Sandbox, folder: Path):
        folder.mkdir()
        for if_exists in ("fail", "reuse"):
            (folder / "fox.webp").write_bytes(b"mine")
            with pytest.raises(e.InvalidRequestError, match=r"fox.webp is another picture, without a sidecar"):
                keep(folder, "fox", if_exists=if_exists).run()
            (folder / "fox.webp").unlink()
            (folder / "fox.json").write_bytes(b"[]")
            with pytest.raises(e.InvalidRequestError, match=r"fox.json is not the sidecar of a picture"):
                keep(folder, "fox", if_exists=if_exists).run()
            (folder / "fox.json").unlink()
        assert not images(sandbox)

    def test_it_may_be_replaced(self, sandbox: Sandbox, folder: Path):
        keep(folder, "fox").run()
        (folder / "fox.png").rename(folder / "fox.jpg")  # an earlier picture may have had another type
        found = json.loads((folder / "fox.json").read_text())
        (folder / "fox.json").write_text(json.dumps({**found, "file": "fox.jpg"}))
        keep(folder, "fox", if_exists="overwrite", model="nanobanana", prompt="An otter at noon").run()
        assert len(images(sandbox)) == 2
        assert files(folder) == ["fox.json", "fox.png"]
        assert json.loads((folder / "fox.json").read_text())["model"] == "nanobanana"

    def test_one_that_is_being_replaced_has_no_sidecar(
        self, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        """A killed process must not leave the old one beside the new picture."""
        keep(folder, "fox").run()
        monkeypatch.setattr(store, "write", lambda local, url, **options: fail())
        with pytest.raises(e.TransientError):
            keep(folder, "fox", if_exists="overwrite", prompt="An otter at noon").run()
        assert files(folder) == ["fox.png"]

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"wait_for_completion": False, "save_to": "file:///a/b"}, "save_to: is given without wait_for_completion"),
            ({"save_to": "file:///a/{job_id}", "if_exists": "reuse"}, "save_to: has {job_id} in it"),
            ({"save_to": "file:///a/{prompt}"}, "save_to: is 'file:///a/{prompt}'"),
            ({"save_to": "file:///a/b", "if_exists": "ask"}, "if_exists: is 'ask'"),
            ({"save_to": "None"}, "save_to: is 'None'"),
            ({"save_to": "nowhere://a/b"}, "nowhere://a/b.json: "),
            ({"save_to": "s3://none_such@bucket/b"}, "s3://none_such@bucket/b.json: "),
            ({"save_to": "file:///proc/version/a/b"}, "file:///proc/version/a/b.json: "),
        ],
    )
    def test_what_cannot_be_stored_is_not_paid(
        self, sandbox: Sandbox, options: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(store, "backoff", lambda attempt: 0.0)
        with pytest.raises(e.InvalidRequestError) as caught:
            generate(**{"wait_for_completion": True, **options}).run()
        assert str(caught.value).startswith(said)
        assert not images(sandbox)

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_a_folder_that_may_not_be_written_is_noticed_before_anything_is_paid(self, sandbox: Sandbox, folder: Path):
        folder.mkdir(mode=0o500)
        with pytest.raises(e.PermissionDeniedError):
            keep(folder).run()
        assert not images(sandbox)


class TestReuse:
    def test_another_run_pays_nothing(self, sandbox: Sandbox, folder: Path, deferrable: bool):
        first = keep(folder, if_exists="reuse", deferrable=deferrable).run()
        task = keep(folder, if_exists="reuse", deferrable=deferrable, webhook="https://hooks.example/2")
        again = task.run()
        assert again == {**first, "ai_credits_used": 0}
        assert len(images(sandbox)) == 1
        assert task.ti.pushed["pictory_image"]["ai_credits_used"] == 0

    def test_nor_after_the_service_has_removed_the_job(
        self, sandbox: Sandbox, folder: Path, settings: Callable[..., None]
    ):
        first = keep(folder, if_exists="reuse").run()
        settings(retention=0)
        assert requests.get(first["url"], timeout=10).status_code == 404
        assert keep(folder, if_exists="reuse").run()["path"] == first["path"]

    def test_another_request_is_paid(self, sandbox: Sandbox, folder: Path):
        keep(folder, if_exists="reuse").run()
        keep(folder, if_exists="reuse", style="vintage").run()
        assert len(images(sandbox)) == 2
        assert len(files(folder)) == 4

    def test_another_request_under_the_same_name_is_an_error_and_not_paid(self, sandbox: Sandbox, folder: Path):
        keep(folder, "fox", if_exists="reuse").run()
        with pytest.raises(e.InvalidRequestError, match=r"fox.png is another picture, stored by"):
            keep(folder, "fox", if_exists="reuse", style="vintage").run()
        assert len(images(sandbox)) == 1

    def test_a_picture_without_its_sidecar_is_no_whole_one(self, sandbox: Sandbox, folder: Path):
        keep(folder, "fox", if_exists="reuse").run()
        (folder / "fox.json").unlink()
        with pytest.raises(e.InvalidRequestError, match=r"fox.png is another picture, without a sidecar"):
            keep(folder, "fox", if_exists="reuse").run()
        assert len(images(sandbox)) == 1

    def test_a_sidecar_without_its_picture_is_made_whole(self, sandbox: Sandbox, folder: Path):
        keep(folder, "fox", if_exists="reuse").run()
        (folder / "fox.png").unlink()
        keep(folder, "fox", if_exists="reuse").run()
        assert files(folder) == ["fox.json", "fox.png"]
        assert len(images(sandbox)) == 2

    def test_a_late_run_is_skipped_as_before(self, sandbox: Sandbox, folder: Path):
        keep(folder, if_exists="reuse").run()
        with pytest.raises(AirflowSkipException):
            keep(folder, if_exists="reuse", skip_after="2020-01-01T00:00:00Z").run()

    def test_of_two_runs_at_once_both_pay_and_return_the_same_picture(self, sandbox: Sandbox, folder: Path):
        first, second = keep(folder, if_exists="reuse"), keep(folder, if_exists="reuse")
        second.operator.__dict__["prompt"] = PROMPT
        write = store.write

        def write_second(*args: Any, **kwargs: Any) -> None:
            store.write = write  # type: ignore[assignment]
            kept.append(second.run())
            write(*args, **kwargs)

        kept: list[Any] = []
        store.write = write_second  # type: ignore[assignment]
        try:
            image = first.run()
        finally:
            store.write = write  # type: ignore[assignment]
        assert len(images(sandbox)) == 2
        assert image["path"] == kept[0]["path"]
        assert len(files(folder)) == 2
        content = Path(image["path"].removeprefix("file://")).read_bytes()
        assert hashlib.sha256(content).hexdigest() == json.loads(next(folder.glob("*.json")).read_text())["sha256"]


@pytest.mark.skipif(not has_gallery(), reason="needs the gallery (Airflow 3.1)")
class TestPreview:
    """The small copy of a stored picture, which the gallery shows when the service has removed the picture."""

    def test_of_a_picture_that_was_made(self, sandbox: Sandbox, folder: Path, deferrable: bool):
        task = keep(folder, "fox", deferrable=deferrable, aspect_ratio="16:9")
        image = task.run()
        pushed = task.ti.pushed["pictory_preview"]
        assert pushed == {
            "job_id": image["job_id"],
            "media_id": None,
            "path": image["path"],
            "preview": preview_of_stored(image["path"]),
        }
        assert pushed["preview"].startswith("data:image/webp;base64,")

    def test_of_one_that_is_stored_already(self, sandbox: Sandbox, folder: Path, settings: Callable[..., None]):
        first, second = keep(folder, if_exists="reuse"), keep(folder, if_exists="reuse")
        first.run()
        settings(retention=0)
        second.run()
        assert second.ti.pushed["pictory_preview"] == first.ti.pushed["pictory_preview"]

    def test_of_one_that_another_run_has_stored_meanwhile(
        self, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        first, second = keep(folder, if_exists="reuse"), keep(folder, if_exists="reuse")
        download = save_picture.download

        def store_another(*args: Any) -> Any:
            monkeypatch.setattr(save_picture, "download", download)
            second.run()
            found = download(*args)
            monkeypatch.setattr(save_picture, "preview_of_file", lambda _: pytest.fail("it is of another picture"))
            return dataclasses.replace(found, sha256="of another")

        monkeypatch.setattr(save_picture, "download", store_another)
        first.run()
        assert first.ti.pushed["pictory_preview"] == second.ti.pushed["pictory_preview"]

    def test_of_what_a_sensor_stores_and_stores_again(
        self, sandbox: Sandbox, folder: Path, deferrable: bool, submit: Callable[..., str]
    ):
        task = sensor(submit(), deferrable=deferrable, save_to=f"file://{folder}/{{job_id}}")
        image = task.run()
        pushed = dict(task.ti.pushed["pictory_preview"])
        assert (pushed["job_id"], pushed["path"]) == (image["job_id"], image["path"])
        task.run()
        assert task.ti.pushed["pictory_preview"] == pushed

    def test_of_an_entry_of_the_media_library(self, sandbox: Sandbox, folder: Path):
        first, second = media(folder, if_exists="reuse"), media(folder, if_exists="reuse")
        record = first.run()
        second.run()
        for task in (first, second):
            pushed = task.ti.pushed["pictory_preview"]
            assert (pushed["job_id"], pushed["media_id"]) == (None, record["media_id"])
            assert (pushed["path"], bool(pushed["preview"])) == (record["path"], True)

    def test_of_a_copy_that_another_task_makes(self, sandbox: Sandbox, folder: Path):
        image = generate(wait_for_completion=True).run()
        record = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT)).run()
        for source, name in ((image, "job_id"), (record, "media_id")):
            task = save(source, f"file://{folder}/{{{name}}}")
            stored = task.run()
            pushed = task.ti.pushed["pictory_preview"]
            assert (pushed[name], pushed["path"]) == (source[name], stored["path"])

    def test_there_is_none_of_what_the_gallery_does_not_know(self, sandbox: Sandbox, folder: Path):
        task = generate(wait_for_completion=True)
        image = task.run()
        assert "pictory_preview" not in task.ti.pushed
        task = save(image["url"], f"file://{folder}/fox")
        task.run()
        assert "pictory_preview" not in task.ti.pushed

    def test_a_task_does_not_fail_for_it(self, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch):
        task = keep(folder, "fox")
        push = task.ti.xcom_push

        def refuse(key: str, value: Any, **more: Any) -> None:
            if key == "pictory_preview":
                raise RuntimeError("422: too large")
            push(key, value, **more)

        monkeypatch.setattr(task.ti, "xcom_push", refuse)
        assert task.run()["path"] == f"file://{folder}/fox.png"
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, "PIL", None)
            task = keep(folder, "owl")
            assert task.run()["path"] == f"file://{folder}/owl.png"
        assert "pictory_preview" not in task.ti.pushed
        assert task.ti.pushed["pictory_image"]["path"]


class TestRetries:
    @needs_state_store
    @pytest.mark.parametrize("moment", ["download", "write", "sidecar"])
    def test_what_was_paid_is_stored_by_the_next_try(
        self, sandbox: Sandbox, folder: Path, moment: str, monkeypatch: pytest.MonkeyPatch
    ):
        task, write = keep(folder, "fox"), store.write

        def fail_at(local: Path, url: str, **options: Any) -> None:
            if moment == "write" or url.endswith(".json"):
                fail()
            write(local, url, **options)

        with monkeypatch.context() as patch:
            if moment == "download":
                patch.setattr(save_picture, "download", lambda *_: fail())
            else:
                patch.setattr(store, "write", fail_at)
            with pytest.raises(e.TransientError):
                task.run()
        shown = task.ti.pushed["pictory_image"]  # it is paid for
        assert (shown["prompt"], shown["status"]) == (PROMPT, "completed")
        assert shown["not_stored"]
        assert task.run()["path"] == f"file://{folder}/fox.png"
        assert len(images(sandbox)) == 1
        assert files(folder) == ["fox.json", "fox.png"]

    @pytest.mark.parametrize("if_exists", ["fail", "reuse"])
    def test_without_task_state_the_next_try_returns_what_is_stored(
        self, sandbox: Sandbox, folder: Path, if_exists: str
    ):
        task = keep(folder, "fox", if_exists=if_exists)
        task.store = None
        first = task.run()
        assert task.run() == {**first, "ai_credits_used": 0}
        assert len(images(sandbox)) == 1

    def test_a_delay_that_is_asked_for_after_the_wait_is_spent_without_a_worker(
        self, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        download, errors = save_picture.download, [e.RateLimitedError("… returned 429", retry_after=90)]
        monkeypatch.setattr(save_picture, "download", lambda *args: fail(errors.pop()) if errors else download(*args))
        task = keep(folder, "fox", deferrable=True, timeout=600)
        task.store = None
        task.run()
        [pause] = task.paused
        assert 90 <= pause <= 110
        assert len(images(sandbox)) == 1
        assert files(folder) == ["fox.json", "fox.png"]

    def test_without_what_was_waited_for_nothing_is_paid_again(self, sandbox: Sandbox, folder: Path):
        """`dags test` drops it."""
        task = keep(folder, "fox", deferrable=True)
        with pytest.raises(AirflowFailException, match="after which `dags test` cannot go on"):
            task.operator.resume_execution("execute_complete_after_pause", {"event": {"deadline": 0.0}}, task.context)
        assert not images(sandbox)

    @needs_state_store
    def test_a_picture_that_is_gone_is_an_error_that_says_so_and_a_clear_makes_another(
        self, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        task = keep(folder, "fox")
        with monkeypatch.context() as patch:
            patch.setattr(save_picture, "download", lambda *_: fail(e.NotFoundError("… returned 404")))
            with pytest.raises(e.NotFoundError, match="its picture is gone: a URL that the service has just given"):
                task.run()
        task.ti.max_tries += 2
        image = task.run()
        assert len(images(sandbox)) == 2
        assert image["job_id"] == images(sandbox)[1]["job_id"]
        [failed] = task.ti.pushed["pictory_image"]["failed_jobs"]
        assert failed["ai_credits_used"] == 2

    @needs_state_store
    def test_a_clear_of_what_was_delivered_fails_rather_than_replace(self, sandbox: Sandbox, folder: Path):
        task = keep(folder, "fox")
        task.run()
        task.ti.max_tries += 2
        with pytest.raises(e.InvalidRequestError, match="if_exists='reuse' for the stored picture"):
            task.run()
        assert len(images(sandbox)) == 1


def fail(error: Exception | None = None) -> None:
    raise error or e.TransientError("Killed here")


class TestSensor:
    def test_it_stores_the_picture(self, sandbox: Sandbox, folder: Path, deferrable: bool, submit: Callable[..., str]):
        job_id = submit()
        image = sensor(job_id, deferrable=deferrable, save_to=f"file://{folder}/{{job_id}}").run()
        assert image["path"] == f"file://{folder}/{job_id}.png"
        assert files(folder) == [f"{job_id}.json", f"{job_id}.png"]

    def test_a_cleared_one_neither_downloads_nor_writes_again(
        self, sandbox: Sandbox, folder: Path, submit: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ):
        task = sensor(submit(), save_to=f"file://{folder}/{{job_id}}")
        first = task.run()
        monkeypatch.setattr(save_picture, "download", fail)
        assert task.run() == first

    def test_the_fingerprint_comes_from_the_task_that_submitted(self, sandbox: Sandbox, folder: Path):
        made = generate(style="vintage")
        task = sensor(made.run(), save_to=f"file://{folder}/{{fingerprint}}")
        task.operator.upstream_task_ids.add("generate")
        task.ti.upstream["generate", "pictory_request"] = made.ti.pushed["pictory_request"]
        task.run()
        found = json.loads(next(folder.glob("*.json")).read_text())
        assert (found["prompt"], found["parameters"]) == (PROMPT, {"style": "vintage"})
        assert files(folder)[0] == f"{found['fingerprint']}.json"
        again = keep(folder, if_exists="reuse", style="vintage").run()
        assert again["path"].endswith(found["file"])
        assert len(images(sandbox)) == 1

    def test_without_that_task_it_is_an_error(self, sandbox: Sandbox, folder: Path, submit: Callable[..., str]):
        with pytest.raises(e.InvalidRequestError, match=r"save_to: has {fingerprint} in it.*allowed: {job_id}"):
            sensor(submit(), save_to=f"file://{folder}/{{fingerprint}}").run()

    def test_one_that_cannot_be_stored_is_shown_all_the_same(self, submit: Any, folder: Path):
        folder.write_text("a file, and no folder")
        task = sensor(submit(), save_to=f"file://{folder}/{{job_id}}")
        with pytest.raises(e.InvalidRequestError):
            task.run()
        shown = task.ti.pushed["pictory_image"]
        assert shown["status"] == "completed"
        assert str(folder) in shown["not_stored"]
        folder.unlink()
        task.run()
        assert "not_stored" not in task.ti.pushed["pictory_image"]


class TestGenerateMedia:
    def test_the_picture_of_the_media_library_is_stored(self, sandbox: Sandbox, folder: Path):
        record = media(folder, "{media_id}", model="flux-schnell").run()
        assert record["path"] == f"file://{folder}/{record['media_id']}.png"
        assert record["credits_used"] == 1
        assert json.loads((folder / f"{record['media_id']}.json").read_text())["image"]["credits_used"] == 1

    def test_another_run_pays_nothing(self, sandbox: Sandbox, folder: Path):
        first = media(folder, if_exists="reuse").run()
        assert media(folder, if_exists="reuse").run() == {**first, "credits_used": 0}
        assert len(sandbox.world.ledger()["media"]) == 1

    @needs_state_store
    def test_a_retry_stores_what_was_paid(self, sandbox: Sandbox, folder: Path):
        task = media(folder)
        sandbox.fault("posteverywhere.get_media", "status", status=500, times=3)
        with pytest.raises(e.TransientError):
            task.run()
        assert task.run()["path"]
        assert len(sandbox.world.ledger()["media"]) == 1


class TestSaveImage:
    def test_an_image(self, sandbox: Sandbox, folder: Path):
        image = generate(wait_for_completion=True).run()
        assert save(image, f"file://{folder}/{{job_id}}").run() == {
            **image,
            "path": f"file://{folder}/{image['job_id']}.png",
            "sha256": hashlib.sha256((folder / f"{image['job_id']}.png").read_bytes()).hexdigest(),
        }

    def test_a_full_disk_leaves_nothing_and_the_retry_stores_it(
        self, sandbox: Sandbox, folder: Path, monkeypatch: pytest.MonkeyPatch
    ):
        image = generate(wait_for_completion=True).run()
        task = save(image, f"file://{folder}/fox")

        def fill_the_disk(source: Any, target: Any, length: int) -> None:
            target.write(source.read(100))
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        with monkeypatch.context() as full:
            full.setattr("shutil.copyfileobj", fill_the_disk)
            with pytest.raises(e.TransientError, match=f"file://{folder}/fox.png .*No space left on device"):
                task.run()
        assert files(folder) == []
        assert task.run()["path"] == f"file://{folder}/fox.png"

    def test_an_image_with_prompt_and_model(self, sandbox: Sandbox, folder: Path):
        made = generate(wait_for_completion=True)
        made.run()
        save(made.ti.pushed["pictory_image"], f"file://{folder}/fox").run()
        found = json.loads((folder / "fox.json").read_text())
        assert (found["prompt"], found["model"]) == (PROMPT, "seedream3.0")

    def test_prompt_and_model_come_from_the_task_that_made_the_image(self, sandbox: Sandbox, folder: Path):
        made = generate(wait_for_completion=True)
        task = save(made.run(), f"file://{folder}/fox")
        task.operator.upstream_task_ids.add("generate")
        task.ti.upstream["generate", "pictory_image"] = made.ti.pushed["pictory_image"]
        task.run()
        found = json.loads((folder / "fox.json").read_text())
        assert (found["prompt"], found["model"]) == (PROMPT, "seedream3.0")
        assert task.operator.lineage_record["model"] == "seedream3.0"

    def test_the_fingerprint_comes_from_the_task_that_waited(
        self, sandbox: Sandbox, folder: Path, deferrable: bool, submit: Callable[..., str]
    ):
        made = generate(wait_for_completion=True, deferrable=deferrable, style="vintage")
        waited = sensor(submit(), deferrable=deferrable)
        for name, source in {"generate": made, "wait": waited}.items():
            image = source.run()
            task = save(image, f"file://{folder}/{name}-{{job_id}}")
            task.operator.upstream_task_ids.add(name)
            task.ti.upstream[name, "pictory_request"] = source.ti.pushed["pictory_request"]
            task.run()
        [made_sidecar] = folder.glob("generate-*.json")
        found = json.loads(made_sidecar.read_text())
        assert (found["parameters"], len(found["fingerprint"])) == ({"style": "vintage"}, 64)

    def test_a_media_record(self, sandbox: Sandbox, folder: Path):
        record = Tries(GenerateMediaOperator(task_id="media", prompt=PROMPT)).run()
        stored = save(record, f"file://{folder}/{{media_id}}").run()
        checksum = stored.pop("sha256")
        assert stored == {**record, "path": f"file://{folder}/{record['media_id']}.png"}
        assert checksum == hashlib.sha256((folder / f"{record['media_id']}.png").read_bytes()).hexdigest()

    def test_a_url(self, sandbox: Sandbox, folder: Path):
        with PictureServer() as server:
            server.answers["/a"] = [ok(png())]
            image = save(f"{server.url}/a", f"file://{folder}/a.jpeg").run()
        assert image == {
            "job_id": None,
            "status": "completed",
            "url": f"{server.url}/a",
            "width": 64,
            "height": 36,
            "ai_credits_used": None,
            "path": f"file://{folder}/a.png",
            "sha256": hashlib.sha256(png()).hexdigest(),
        }

    @pytest.mark.parametrize("sidecar", [True, False])
    def test_the_same_content_is_not_written_twice(
        self, sandbox: Sandbox, folder: Path, sidecar: bool, monkeypatch: pytest.MonkeyPatch
    ):
        with PictureServer() as server:
            server.answers["/a"] = [ok(png())]
            for if_exists in ("fail", "overwrite"):
                save(f"{server.url}/a", f"file://{folder}/a", if_exists=if_exists, sidecar=sidecar).run()
                before = (folder / "a.png").stat()
            assert files(folder) == (["a.json", "a.png"] if sidecar else ["a.png"])
            save(f"{server.url}/a", f"file://{folder}/a", sidecar=sidecar).run()
            assert (folder / "a.png").stat().st_ino == before.st_ino

    @pytest.mark.parametrize("sidecar", [True, False])
    def test_other_content_is_an_error_unless_allowed(self, sandbox: Sandbox, folder: Path, sidecar: bool):
        with PictureServer() as server:
            server.answers["/a"], server.answers["/b"] = [ok(png())], [ok(png(color="red"))]
            save(f"{server.url}/a", f"file://{folder}/a", sidecar=sidecar).run()
            before = (folder / "a.png").read_bytes()
            with pytest.raises(e.InvalidRequestError, match=r"a.png is another picture"):
                save(f"{server.url}/b", f"file://{folder}/a", sidecar=sidecar).run()
            assert (folder / "a.png").read_bytes() == before
            save(f"{server.url}/b", f"file://{folder}/a", sidecar=sidecar, if_exists="overwrite").run()
            assert (folder / "a.png").read_bytes() != before

    def test_a_url_that_has_died_is_asked_for_again_once(self, sandbox: Sandbox, folder: Path):
        image = generate(wait_for_completion=True).run()
        with PictureServer() as server:
            server.answers["/expired.png"] = [status(403)]
            stored = save({**image, "url": f"{server.url}/expired.png"}, f"file://{folder}/fox").run()
        assert stored["path"] == f"file://{folder}/fox.png"

    def test_one_that_stays_dead_is_an_error_that_says_so(
        self, sandbox: Sandbox, folder: Path, settings: Callable[..., None]
    ):
        image = generate(wait_for_completion=True).run()
        settings(retention=0)
        with pytest.raises(e.NotFoundError, match="the service has no URL for its picture"):
            save(image, f"file://{folder}/fox").run()
        assert not folder.exists()

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"image": 5}, "image: is of type int"),
            ({"image": {}}, "image: is None"),
            ({"image": "ftp://a.example/b"}, "image: is 'ftp"),
            ({"save_to": None}, "save_to: is None"),
            ({"sidecar": False, "if_exists": "reuse"}, "sidecar: is False with if_exists='reuse'"),
            ({"sidecar": "perhaps"}, "sidecar: is 'perhaps'"),
        ],
    )
    def test_wrong_arguments(self, options: dict[str, Any], said: str):
        given = {"image": "https://pictures.example/a.png", "save_to": "file:///a/b", **options}
        with pytest.raises(e.InvalidRequestError) as caught:
            save(given.pop("image"), given.pop("save_to"), **given).run()
        assert str(caught.value).startswith(said)


class TestPost:
    @pytest.fixture
    def stored(self, folder: Path) -> dict[str, Any]:
        image: dict[str, Any] = keep(folder, "fox").run()
        return image

    def test_a_picture_with_a_url_is_imported(self, sandbox: Sandbox, stored: dict[str, Any]):
        post(image=stored).run()
        assert not calls(sandbox, "posteverywhere.upload_media")

    def test_one_whose_url_has_died_is_uploaded(
        self, sandbox: Sandbox, stored: dict[str, Any], settings: Callable[..., None]
    ):
        settings(retention=0)
        found = post(image=stored).run()
        [media_id] = found["media_ids"]
        entry = sandbox.world.media[media_id]
        assert (entry.status, entry.filename, entry.content_type) == ("ready", "fox.png", "image/png")
        assert entry.content == Path(stored["path"].removeprefix("file://")).read_bytes()

    @pytest.mark.parametrize("given", ["record", "path"])
    def test_one_without_a_url_is_uploaded(self, sandbox: Sandbox, stored: dict[str, Any], given: str):
        found = post(image={**stored, "url": None} if given == "record" else stored["path"]).run()
        assert sandbox.world.media[found["media_ids"][0]].status == "ready"
        assert not calls(sandbox, "posteverywhere.upload_media_from_url")

    @needs_state_store
    @pytest.mark.parametrize("call", ["upload_media", "complete_media", "get_media", "create_post"])
    def test_whatever_fails_there_is_one_post_and_one_media_entry_in_use(
        self, sandbox: Sandbox, stored: dict[str, Any], call: str
    ):
        task = post(image=stored["path"])
        sandbox.fault(f"posteverywhere.{call}", "reset", when="after", times=3 if call != "create_post" else 1)
        with pytest.raises(e.TransientError):
            task.run()
        task.run()
        assert len(posts(sandbox)) == 1
        if call == "create_post":
            assert calls(sandbox, "posteverywhere.upload_media") == 1

    @needs_state_store
    def test_it_is_uploaded_once_though_the_post_is_refused(self, sandbox: Sandbox, stored: dict[str, Any]):
        task = post(image=stored["path"])
        sandbox.fault("posteverywhere.create_post", "status", status=503, headers={"Retry-After": "900"}, times=2)
        task.operator.timeout = 3600
        task.run()
        assert len(task.paused) == 2
        assert calls(sandbox, "posteverywhere.upload_media") == 1

    def test_a_file_that_is_no_picture_is_not_sent(self, sandbox: Sandbox, folder: Path):
        folder.mkdir()
        (folder / "a.png").write_bytes(b"<html>")
        with pytest.raises(e.InvalidRequestError, match=r"image: file:.*/a.png is not a PNG"):
            post(image=f"file://{folder}/a.png").run()
        with pytest.raises(e.NotFoundError, match=r"image: there is no file file:.*/b.png"):
            post(image=f"file://{folder}/b.png").run()
        (folder / "c.png").write_bytes(b"")
        os.truncate(folder / "c.png", 26 * 1024 * 1024)
        with pytest.raises(e.InvalidRequestError, match=r"has 27,262,976 bytes; allowed: at most 26,214,400"):
            post(image=f"file://{folder}/c.png").run()
        assert not calls(sandbox, "posteverywhere.upload_media")
