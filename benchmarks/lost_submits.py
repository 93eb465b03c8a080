"""
How often the list of jobs would tell that a lost submit had no effect: ``python -m benchmarks.lost_submits``.

A submit whose answer was lost had no effect if no job appears in the list that was not there before, for as long as the
list may lag behind. Any other job that is submitted meanwhile makes that inconclusive: an item has neither a prompt
nor a time. A night of images is simulated, whose tasks submit as 16 task slots and the time that a task takes to start
allow; one submit is lost, and had no effect.
"""

from __future__ import annotations

import random
from statistics import mean

from benchmarks import page

NIGHTS = 20_000
SLOTS = 16
START = (2.0, 6.0)
"""Seconds from a free slot to the submit."""
LAG = 30.0


def submits(images: int, rng: random.Random) -> list[float]:
    """Return when the tasks of a night submit."""
    free = [0.0] * SLOTS
    moments = []
    for _ in range(images):
        slot = min(range(SLOTS), key=free.__getitem__)
        free[slot] += rng.uniform(*START)
        moments.append(free[slot])
    return moments


def told(images: int) -> float:
    """Return the share of lost submits of which the list tells that they had no effect."""
    rng = random.Random(images)
    nights = max(200, NIGHTS // images)
    found = []
    for _ in range(nights):
        moments = submits(images, rng)
        lost = rng.choice(moments)
        found.append(not any(lost < moment <= lost + LAG for moment in moments))
    return mean(found)


def main() -> None:
    """Simulate, and write the docs."""
    rows = []
    for images in (1, 2, 10, 100, 300):
        share = told(images)
        requests = f"{images / share:,.0f}" if share else "—"
        rows.append((f"{images:,}", f"{share:.1%}", requests))
    table = page.table(
        ("images in a night", "told by the list", "requests more for each such night with a lost submit"), rows
    )
    print(table)
    page.replace("python -m benchmarks.lost_submits", [table])


if __name__ == "__main__":
    main()
