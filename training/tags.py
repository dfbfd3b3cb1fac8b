"""Trains the tagger of personal entities in free text: names, places, addresses, organisations, dates, jobs."""

from __future__ import annotations

KINDS = ("person", "address", "location", "organization", "date_time", "job_title")
TAGS: list[str] = ["O", *(f"{side}-{kind}" for kind in KINDS for side in ("B", "I"))]
TAGGER_LAST = 6
