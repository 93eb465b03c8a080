"""Images as real tasks make them: with posts of every kind, of several DAGs, and with values of any kind."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pendulum

try:
    from airflow.sdk import DAG, task
except ImportError:  # Airflow 2.11
    from airflow import DAG
    from airflow.decorators import task

from airflow_provider_pictory.operators.pictory import GenerateImageOperator
from airflow_provider_pictory.operators.posteverywhere import PostImageOperator
from airflow_provider_pictory.sensors.pictory import ImageJobSensor

TOMORROW = (dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)).isoformat()
COMMON: dict[str, Any] = {"schedule": None, "start_date": pendulum.datetime(2026, 1, 1), "default_args": {"retries": 0}}
NOW = {"wait_for_completion": True, "deferrable": False, "poll_interval": 1}
POSTS: dict[str, dict[str, Any]] = {
    "published": {"account_ids": [2280, 2282], "wait_for_publish": True, "deferrable": False, "poll_interval": 1},
    "partially_failed": {
        "content": "[partial] Spring is here",
        "account_ids": [2280, 2282],
        "wait_for_publish": True,
        "deferrable": False,
        "poll_interval": 1,
    },
    "scheduled": {"account_ids": [2281], "scheduled_for": TOMORROW},
    "draft": {"account_ids": [2283], "draft": True},
    "failed": {"account_ids": [1]},
}
RATIOS = {"published": "16:9", "partially_failed": "1:1", "scheduled": "9:16"}
HACK = "document.title='hacked'"
JOINED = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f می\u200cخواهم 7\ufe0f\u20e3"
STRANGE: list[Any] = [
    {"prompt": f'<img src=x onerror="{HACK}"><script>{HACK}</script>', "model": "<b>m</b>"},
    {
        "prompt": "A very long word: " + "o" * 4000,
        "model": "m" * 400,
        "ai_credits_used": 1e300,
        "width": -1,
        "height": "a",
    },
    {"prompt": "صورة لمدينة عند الغروب مع نهر هادئ", "ai_credits_used": "2"},
    {"prompt": f"one\ntwo\n\n\nthree\u202e reversed {JOINED}", "ai_credits_used": None},
    {"prompt": "Its address is script", "url": f"javascript:{HACK}"},
    {"prompt": "Its address is data", "url": f"data:text/html,<script>parent.{HACK}</script>"},
    {"prompt": "Its address leads nowhere", "url": "http://127.0.0.1:9/gone.png"},
    {"prompt": "It is in the media library", "media_id": "550e8400-e29b-41d4-a716-446655440000", "url": None},
    {"prompt": {"nested": ["<i>"]}, "job_id": 7, "url": ["http://x"], "model": None, "width": 1e99, "height": True},
    "no object at all",
    [1, 2, 3],
    None,
]


VARIANTS = {"seedream3.0": "16:9", "flux-schnell": "1:1", "nanobanana": "1:1", "nanobanana-pro": "9:16"}


def generate(name: str, **options: Any) -> GenerateImageOperator:
    prompt = f"A picture that is {name.replace('_', ' ')}"
    return GenerateImageOperator(**{"task_id": name, "prompt": prompt, **NOW, **options})


def submit_and_wait(name: str, prompt: str) -> None:
    submit = GenerateImageOperator(task_id=f"submit_{name}", prompt=prompt)
    ImageJobSensor(task_id=f"wait_{name}", job_id=submit.output, deferrable=False, poke_interval=1)


with DAG("spring_campaign", **COMMON):
    for state, options in POSTS.items():
        image = generate(state, aspect_ratio=RATIOS.get(state, "16:9"))
        PostImageOperator(task_id=f"post_{state}", image=image.output, **{"content": "Spring is here", **options})
    generate("not_posted", model="nanobanana")

with DAG("desk", tags=["launch"], **COMMON):
    generate("out_of_luck", prompt="A lighthouse [fail]")
    generate("against_the_policy", prompt="A lighthouse [policy]", model="nanobanana")
    generate("too_short", prompt="{{ 'fox' }}")
    submit_and_wait("out_of_luck", "A pier [fail]")
    submit_and_wait("underway", "A picture on its way in two tasks")  # fill.py makes it so
    generate("underway", prompt="A picture on its way")
    for name in ("waiting", "rejected", "replaced", "unanswered"):
        generate(name)
    image = generate("overdue")
    PostImageOperator(
        task_id="post_overdue", content="Due long ago", image=image.output, account_ids=[2281], scheduled_for=TOMORROW
    )
    for number, (model, ratio) in enumerate(VARIANTS.items()):
        generate(f"variant_{number}", prompt="A glass house by the sea", model=model, aspect_ratio=ratio)

with DAG("night_shift", **COMMON):
    generate("secret")

with DAG("archive", **COMMON):
    generate("archived")

with DAG("strange", **COMMON):

    @task
    def push(value: Any, ti: Any = None) -> None:
        ti.xcom_push(key="pictory_image", value=value)

    @task
    def push_post(ti: Any = None) -> None:
        ti.xcom_push(
            key="posteverywhere_post",
            value={
                "job_id": None,
                "image_url": "http://127.0.0.1:9/gone.png",
                "post_id": "<b>1</b>",
                "status": "failed",
                "scheduled_for": "never",
                "destinations": [
                    {"platform": "<u>x</u>", "status": "failed", "url": f"javascript:{HACK}", "error": "<img src=x>"},
                    5,
                ],
                "error": f"<script>{HACK}</script>",
            },
        )

    push.expand(value=STRANGE)
    push_post()
