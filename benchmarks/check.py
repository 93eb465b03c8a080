"""Tells HttpEventTrigger that a job has ended. It loads this module again at every poll, so nothing else is in here."""

from __future__ import annotations


async def is_done(response) -> bool:  # type: ignore[no-untyped-def]  # a requests.Response
    return response.json()["data"]["status"] in ("completed", "failed", "cleaned")
