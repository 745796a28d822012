"""Plain pictures: PNG, JPEG, TIFF and BMP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

from biolake.core.assets import Content, FoundAsset, Surroundings, UnreadableFile
from biolake.core.catalogue import asset_reader
from biolake.core.errors import BiolakeError, SetupMissing
from biolake.core.media import Image
from biolake.core.reading import SourceFile
from biolake.imaging.pictures import decode, found, perhaps_slide

_SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib")
_TIFF_SUFFIXES = (".tif", ".tiff")
_MAGIC = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")


def claims(name: str, head: bytes) -> bool:
    """Take PNG, JPEG and BMP by name, or by their first bytes when the name has no suffix.

    A TIFF is taken when its head shows no tiles: tiles are a slide's, and a TIFF whose directory
    lies further in is looked at by the slide reader.
    """
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _TIFF_SUFFIXES:
        return not perhaps_slide(head)
    return suffix in _SUFFIXES or (not suffix and head.startswith(_MAGIC))


def find(
    files: Sequence[SourceFile], surroundings: Surroundings
) -> Iterator[FoundAsset | UnreadableFile]:
    """Decode each picture once, so that a damaged one is known when it is loaded.

    Position, owner and other personal EXIF fields are not read; of its time only that of taking
    the picture is.
    """
    for file in files:
        try:
            yield found(file, decode(file.path, file.name))
        except SetupMissing:
            raise
        except BiolakeError as error:
            yield UnreadableFile(file, error.message)


@asset_reader("Pictures (PNG, JPEG, TIFF, BMP)", claims=claims, find=find, extra="imaging")
def picture(content: Content) -> Image:
    """Open a PNG, JPEG, TIFF or BMP picture upright, as grey or RGB pixels.

    Grey keeps its depth (8 or 16 bits, whole numbers or floats); one-bit pictures become 0 and
    255; palettes, CMYK and YCbCr become RGB; transparency is laid on white; colours of 16 bits
    come in 8. Of several pages the first is given; the asset's facts count them. Pictures carry no
    trustworthy size in millimetres, so `spacing` stays unknown. Raises `SourceUnreadable`.
    """
    return Image(decode(content.path(content.names[0]), content.names[0]).pixels)
