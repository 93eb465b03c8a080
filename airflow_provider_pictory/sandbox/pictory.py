"""Pictory's API, as far as images need it: https://docs.pictory.ai/api-reference."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator
from datetime import datetime, timezone
from decimal import Decimal
from itertools import chain, dropwhile, islice
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from airflow_provider_pictory.sandbox.calls import ANY_METHOD, Endpoint, call_route
from airflow_provider_pictory.sandbox.jobs import ImageJob, OtherJob, plain_number
from airflow_provider_pictory.sandbox.scenery import Picture
from airflow_provider_pictory.sandbox.world import PICTORY_KEY, OutOfCreditsError, World

SIZES = {"1:1": (1024, 1024), "16:9": (1280, 720), "9:16": (720, 1280)}
CREDITS = {
    "seedream3.0": Decimal(2),
    "flux-schnell": Decimal("0.6"),
    "nanobanana": Decimal(4),
    "nanobanana-pro": Decimal(14),
}
STYLES = ("photorealistic", "artistic", "cartoon", "minimalist", "vintage", "futuristic")
FIELDS = ("prompt", "model", "aspectRatio", "style", "referenceImageUrl", "webhook")
MONTHS_KEPT = 12

Problem = dict[str, str]


class Pictory:
    """The endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world

    def routes(self) -> list[Route]:
        """Return the routes below the service's base path."""
        return [
            self._route("submit_image", "POST", "/v1/aistudio/images", self.submit_image),
            self._route("get_job", "GET", "/v1/jobs/{job_id}", self.get_job),
            self._route("list_jobs", "GET", "/v1/jobs", self.list_jobs),
            self._route("get_quota", "GET", "/v1/quota", self.get_quota),
            self._route("list_credit_usage", "GET", "/v1/aicredits/usage", self.list_credit_usage),
            self._route("unknown", ANY_METHOD, "/{path:path}", self.unknown),
        ]

    def _route(self, name: str, method: str, path: str, endpoint: Endpoint) -> Route:
        return call_route(self.world, f"pictory.{name}", method, path, _guarded(endpoint))

    async def submit_image(self, request: Request) -> Response:
        """POST /v1/aistudio/images."""
        body = await _json(request)
        if body is None:
            return _invalid("Request body is not valid JSON.", [])
        problems = list(_problems(body))
        if problems:
            return _invalid("Request body validation failed.", problems)
        model = body.get("model", "seedream3.0")
        aspect_ratio = body.get("aspectRatio", next(iter(SIZES)))
        width, height = SIZES[aspect_ratio]
        picture = Picture(
            prompt=body["prompt"],
            width=width,
            height=height,
            model=model,
            style=body.get("style"),
            reference=self._colors_of(body.get("referenceImageUrl")),
        )
        try:
            job = self.world.submit_image(picture, aspect_ratio, CREDITS[model], body.get("webhook"))
        except OutOfCreditsError:
            # What the vendor answers here is not documented.
            return JSONResponse({"message": "Insufficient AI credits"}, 402)
        if job.webhook:
            self.world.courier.send(self._notify(job, job.webhook))
        return JSONResponse({"success": True, "data": {"jobId": job.id}})

    async def get_job(self, request: Request) -> Response:
        """GET /v1/jobs/{jobId}."""
        rate = self.world.settings.pictory_rate
        if rate is not None:
            now = self.world.clock()
            if self.world.polls.hit(now) > rate:
                wait = self.world.polls.seconds_left(now)
                return JSONResponse({"message": "Too Many Requests"}, 429, {"Retry-After": str(wait)})
        job_id = request.path_params["job_id"]
        job = self.world.jobs.get(job_id) or self.world.other_jobs.get(job_id)
        if job is None:
            failure = {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}
            return JSONResponse({"job_id": job_id, "success": False, "data": failure}, 404)
        return JSONResponse(self._shown(job))

    async def list_jobs(self, request: Request) -> Response:
        """GET /v1/jobs."""
        jobs = self._listed_jobs()
        key = request.query_params.get("nextPageKey")
        if key is not None:
            last = _last_of_page(key)
            jobs = islice(dropwhile(lambda job: job.id != last, jobs), 1, None)
            first = next(jobs, None)
            if first is None:
                return JSONResponse({"message": "Invalid nextPageKey"}, 400)
            jobs = chain([first], jobs)
        page = list(islice(jobs, self.world.settings.list_page_size))
        more = next(jobs, None) is not None
        items = [self._listed(job) for job in page]
        return JSONResponse({"items": items, "nextPageKey": _page_key(page[-1].id) if more else None})

    def _listed_jobs(self) -> Iterator[ImageJob | OtherJob]:
        settings = self.world.settings
        until = self.world.clock() - settings.list_lag
        for job in reversed(self.world.jobs.values()):
            if job.submitted_at <= until:
                yield job
                for number in range(settings.list_other_jobs):
                    other_id = str(uuid5(UUID(job.id), str(number)))
                    yield OtherJob(other_id, job.submitted_at, True, {"status": "completed", "transcript": []})
        yield from reversed(self.world.other_jobs.values())

    def _listed(self, job: ImageJob | OtherJob) -> dict[str, Any]:
        settings = self.world.settings
        if isinstance(job, OtherJob):
            success, data = job.success, job.data
        else:
            status = job.status(self.world.clock() - settings.list_lag, settings.retention)
            success, data = status != "failed", job.data(status, self.world.image_url(job))
            data = data if settings.list_results else {"status": status}
        return {"success": success, "data": {"jobId": job.id, **data}}

    async def get_quota(self, request: Request) -> Response:
        """GET /v1/quota."""
        return JSONResponse(
            {
                "videoMinutes": {"used": 98, "limit": 14400},
                "transcriptionMinutes": {"used": 12, "limit": 6000},
                "elevenLabsVoiceOverMinutes": {"used": 0, "limit": 720},
                "aiCredits": {
                    "used": plain_number(self.world.ai_credits_used),
                    "limit": plain_number(self.world.settings.ai_credits),
                },
            }
        )

    async def list_credit_usage(self, request: Request) -> Response:
        """GET /v1/aicredits/usage."""
        now = datetime.fromtimestamp(self.world.clock(), timezone.utc)
        try:
            month = _asked_month(request.query_params.get("year"), request.query_params.get("month"), now)
        except ValueError as error:
            return JSONResponse({"code": "INVALID_REQUEST", "message": str(error), "fields": []}, 400)
        entries = [
            _transaction(job.id, "debit", job.credits, "Text-to-Image", job.picture.model, job.submitted_at)
            for job in reversed(self.world.jobs.values())
        ]
        entries.append(
            _transaction(
                "5d1f0b52-7f0b-4f52-a0f3-1c1f3b8d2a90",
                "credit",
                self.world.settings.ai_credits,
                "Subscription",
                "Monthly AI credits",
                self.world.started_at,
            )
        )
        return JSONResponse([entry for entry in entries if entry["transactionDate"].startswith(month)])

    async def unknown(self, request: Request) -> Response:
        """Anything else."""
        return JSONResponse({"message": "Not Found"}, 404)

    def _shown(self, job: ImageJob | OtherJob) -> dict[str, Any]:
        if isinstance(job, OtherJob):
            return {"job_id": job.id, "success": job.success, "data": job.data}
        data = job.data(self.world.job_status(job), self.world.image_url(job))
        return {"job_id": job.id, "success": data["status"] != "failed", "data": data}

    def _colors_of(self, reference_url: str | None) -> str | None:
        """Return the text that the colours of a reference come from; nothing is fetched for that."""
        job = self.world.job_of_image(reference_url) if reference_url else None
        if job:
            return job.picture.reference or job.picture.prompt
        return reference_url

    async def _notify(self, job: ImageJob, url: str) -> None:
        await self.world.until(job.finishes_at)
        body = json.dumps(self._shown(job)).encode()
        await self.world.courier.deliver(url, "pictory.job", job.id, body, {})


def _guarded(endpoint: Endpoint) -> Endpoint:
    async def handle(request: Request) -> Response:
        if request.headers.get("user-agent", "").startswith("Python-urllib"):
            page = "<!DOCTYPE html><html><title>Access denied</title><body>error code: 1010</body></html>"
            return HTMLResponse(page, 403)
        if request.headers.get("authorization") != PICTORY_KEY:
            return JSONResponse({"message": "Unauthorized"}, 401)
        return await endpoint(request)

    return handle


async def _json(request: Request) -> Any:
    """Read the body of a request; None (which is no valid body either) if it is not JSON."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return None
    try:
        return await request.json()
    except ValueError:
        return None


def _invalid(message: str, fields: list[Problem]) -> Response:
    return JSONResponse({"code": "INVALID_REQUEST_BODY", "message": message, "fields": fields}, 400)


def _problems(body: Any) -> Iterator[Problem]:
    """Return what is wrong with a submitted body, in the words of Joi, which the vendor validates with."""

    def problem(name: str, text: str) -> Problem:
        return {"field": name, "message": f'"{name}" {text}'}

    if not isinstance(body, dict):
        yield problem("value", "must be of type object")
        return
    if "prompt" not in body:
        yield problem("prompt", "is required")
    for name, value in body.items():
        if name not in FIELDS:
            yield problem(name, "is not allowed")
        elif not isinstance(value, str):
            yield problem(name, "must be a string")
        elif not value:
            yield problem(name, "is not allowed to be empty")
        elif text := _complaint(name, value):
            yield problem(name, text)


def _complaint(name: str, value: str) -> str | None:
    if name == "prompt" and len(value) < 5:
        return "length must be at least 5 characters long"
    if name == "prompt" and len(value) > 5000:
        return "length must be less than or equal to 5000 characters long"
    # All models of the vendor offer the same ratios.
    allowed = {"model": tuple(CREDITS), "aspectRatio": tuple(SIZES), "style": STYLES}.get(name)
    if allowed and value not in allowed:
        return f"must be one of [{', '.join(allowed)}]"
    if name in ("referenceImageUrl", "webhook") and not _is_uri(value):
        return "must be a valid uri"
    return None


def _is_uri(value: str) -> bool:
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and " " not in value
    except ValueError:
        return False


def _page_key(job_id: str) -> str:
    return base64.b64encode(json.dumps({"lastEvaluatedKey": {"job_id": job_id}}).encode()).decode()


def _last_of_page(key: str) -> str | None:
    try:
        return str(json.loads(base64.b64decode(key, validate=True))["lastEvaluatedKey"]["job_id"])
    except (binascii.Error, ValueError, KeyError, TypeError):
        return None


def _asked_month(year: str | None, month: str | None, now: datetime) -> str:
    """Return the prefix of the dates that were asked for; raise ValueError for what the vendor refuses."""
    if year is None and month is None:
        return ""
    if month is None:
        raise ValueError('"month" is required when "year" is given')
    number = int(month) if month.isdecimal() else 0
    if not 1 <= number <= 12:
        raise ValueError('"month" must be between 1 and 12')
    if year is not None and not (year.isdecimal() and len(year) == 4):
        raise ValueError('"year" must be a year of four digits')
    asked_year = int(year) if year is not None else now.year
    age = (now.year - asked_year) * 12 + now.month - number
    if not 0 <= age < MONTHS_KEPT:
        raise ValueError(f"usage is kept for {MONTHS_KEPT} months")
    return f"{asked_year:04}-{number:02}"


def _transaction(
    transaction_id: str, kind: str, amount: Decimal, source: str, description: str, at: float
) -> dict[str, Any]:
    return {
        "transactionId": transaction_id,
        "type": kind,
        "amount": plain_number(amount),
        "source": source,
        "description": description,
        "plan": "Sandbox",
        "transactionDate": datetime.fromtimestamp(at, timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z"),
    }
