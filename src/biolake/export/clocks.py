"""What the times of an export mean, in words: UTC, or as each site's clock showed them."""

from __future__ import annotations

from biolake.lake.door import View


def clock_notes(view: View) -> tuple[str, ...]:
    """Say for each site whether its times are UTC."""
    return tuple(
        f"Site '{site}': times are UTC" + (f"; the site's zone is {zone}." if zone else ".")
        if clock == "utc"
        else f"Site '{site}': times are as its source gave them, without a zone."
        for site, clock, zone in view.rows(
            "SELECT site_id, clock, zone FROM sites ORDER BY site_id"
        )
    )
