"""A picture of an opened asset, as a person looks at one of its kind."""

from __future__ import annotations

from biolake.core.errors import WrongUse
from biolake.core.media import Cells, Genotypes, Image, Note, Opened, Recording, Volume


def picture_of(opened: Opened, title: str = "") -> bytes:
    """Return a PNG: ECGs on grid paper, other signals as strips, slices, pictures, slides.

    Raises `SetupMissing` without pillow.
    """
    if isinstance(opened, Recording):
        return _signals(opened, title)
    if isinstance(opened, Cells | Genotypes | Note):
        raise WrongUse("this kind of asset has no picture", next="See it without --png.")
    from biolake.imaging import preview

    if isinstance(opened, Volume):
        return preview.montage(opened, title)
    if isinstance(opened, Image):
        return preview.picture(opened, title)
    return preview.slide_overview(opened, title)


def _signals(recording: Recording, title: str) -> bytes:
    from biolake.signals.paper import ecg_paper, is_standard_ecg
    from biolake.signals.strips import strips

    return ecg_paper(recording, title) if is_standard_ecg(recording) else strips(recording, title)
