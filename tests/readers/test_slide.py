import random
import struct
from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, DataRefused, SourceUnreadable, WrongUse
from biolake.core.reading import SourceFile
from biolake.readers import picture
from biolake.readers import slide as reader

openslide = pytest.importorskip("openslide")
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
DRAW = np.random.default_rng(3)
FULL = DRAW.integers(0, 256, (256, 384, 3), dtype=np.uint8)
HALF = FULL.reshape(128, 2, 192, 2, 3).mean((1, 3)).round().astype(np.uint8)


@pytest.fixture(scope="module")
def cmu() -> Path:
    path = SHARED / "wsi" / "cmu-1-small-region.svs"
    if not path.exists():
        pytest.skip("no shared data")
    return path


@pytest.fixture
def pyramid(tmp_path: Path) -> Path:
    path = tmp_path / "a.tif"
    path.write_bytes(tiff([FULL, HALF], per_cm=20_000))
    return path


def found(path: Path, others: dict[str, SourceFile] | None = None):
    return next(reader.find([SourceFile(path, path.name)], Surroundings(others or {})))


def opened(path: Path):
    return reader.slide.call(FileContent.of(path))


def test_a_real_slide_says_its_size_and_resolution(cmu):
    asset = found(cmu)
    assert asset.modality == "slide"
    assert asset.facts.kind == "tiled"
    assert asset.facts.shape == (2967, 2220, 3)
    assert asset.facts.attributes == {
        "vendor": "aperio",
        "mpp": [0.499, 0.499],
        "levels": [[2220, 2967]],
        "objective": 20.0,
    }
    assert asset.start == 1_262_080_755_000_000  # 29 December 2009, 09:59:15
    assert asset.utc_offset is None


def test_nothing_of_the_user_or_the_label_reaches_the_index(cmu):
    assert "b414003d" not in repr(found(cmu).facts)
    assert "CMU" not in repr(found(cmu).facts)
    slide = opened(cmu)
    assert not hasattr(slide, "associated_images")
    slide.close()


def test_full_resolution_is_what_openslide_reads(cmu):
    slide = opened(cmu)
    theirs = openslide.OpenSlide(cmu).read_region((700, 900), 0, (256, 200)).convert("RGB")
    assert np.array_equal(slide.read((700, 900), (256, 200), 0.499), np.asarray(theirs))
    slide.close()


def test_a_coarser_resolution_is_the_mean_of_the_pixels_below(cmu):
    slide = opened(cmu)
    full = slide.read((400, 800), (512, 512), 0.499).astype(float)
    expected = full.reshape(128, 4, 128, 4, 3).mean((1, 3))
    assert np.abs(slide.read((400, 800), (128, 128), 4 * 0.499) - expected).max() <= 1
    slide.close()


def test_blocks_join_without_a_seam(cmu, monkeypatch):
    slide = opened(cmu)
    whole = slide.read((13, 17), (300, 280), 1.3)
    monkeypatch.setattr(reader, "_BLOCK", 200)
    assert np.abs(slide.read((13, 17), (300, 280), 1.3).astype(int) - whole).max() <= 1
    slide.close()


def test_outside_of_the_slide_is_white(cmu):
    slide = opened(cmu)
    pixels = slide.read((-64, -64), (64, 64), 0.499)
    assert (pixels == 255).all()
    assert (slide.read((2220, 2967), (32, 32), 1.0) == 255).all()
    slide.close()


def test_a_thumbnail_keeps_the_aspect(cmu):
    slide = opened(cmu)
    assert slide.thumbnail(300).shape == (300, 224, 3)
    assert slide.thumbnail(100_000).shape == (2967, 2220, 3)
    slide.close()


def test_the_level_that_is_just_fine_enough_is_read(pyramid):
    slide = opened(pyramid)
    assert slide.levels == ((384, 256), (192, 128))
    assert slide.mpp == (0.5, 0.5)
    assert np.array_equal(slide.read((0, 0), (100, 80), 0.5), FULL[:80, :100])
    assert np.array_equal(slide.read((64, 32), (60, 50), 1.0), HALF[16:66, 32:92])
    fourth = HALF[:128, :192].reshape(64, 2, 96, 2, 3).mean((1, 3))
    assert np.abs(slide.read((0, 0), (96, 64), 2.0) - fourth).max() <= 1
    slide.close()


def test_finer_than_the_slide_is_refused_and_rounding_is_not(pyramid):
    slide = opened(pyramid)
    assert slide.read((0, 0), (10, 10), 0.4975).shape == (10, 10, 3)
    with pytest.raises(DataRefused, match="finer"):
        slide.read((0, 0), (10, 10), 0.25)
    with pytest.raises(WrongUse):
        slide.read((0, 0), (0, 10), 0.5)
    with pytest.raises(WrongUse):
        slide.read((0, 0), (10**6, 10**6), 0.5)
    slide.close()


def test_a_print_resolution_is_no_resolution(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff([FULL], per_cm=28))  # 72 dots an inch
    slide = opened(path)
    assert slide.mpp is None
    assert found(path).facts.attributes["mpp"] is None
    with pytest.raises(DataRefused, match="does not say"):
        slide.read((0, 0), (10, 10), 0.5)
    assert slide.thumbnail(96).shape == (64, 96, 3)
    slide.close()


def test_every_tiff_is_claimed_by_one_reader_only():
    late = b"II*\0" + struct.pack("<I", 10**6) + bytes(4088)
    big = b"II+\0" + struct.pack("<HHQ", 8, 0, 10**9) + bytes(4080)
    cut = b"II*\0" + struct.pack("<I", 10**6)
    for head in (tiff([FULL], 20_000)[:4096], late, big, cut, b"", b"\xff\xd8\xff", bytes(4096)):
        assert reader.claims("a.tif", head) != picture.claims("a.tif", head)
    assert reader.claims("a.tif", tiff([FULL], 20_000)[:4096])
    assert reader.claims("a.TIFF", late)
    assert reader.claims("x/a.SVS", b"")
    assert not reader.claims("x/a.png", b"")


def test_a_tiff_without_tiles_opens_as_a_picture(tmp_path):
    pillow = pytest.importorskip("PIL.Image")
    path = tmp_path / "a.tif"
    pillow.fromarray(FULL).save(path, compression="tiff_lzw")
    assert reader.claims("a.tif", path.read_bytes()[:4096])
    assert found(path).modality == "photograph"
    assert np.array_equal(opened(path).pixels, FULL)


def test_a_mirax_slide_brings_its_folder_or_is_refused(tmp_path):
    path = tmp_path / "a.mrxs"
    path.write_bytes(b"\xff\xd8\xff")
    assert isinstance(found(path), UnreadableFile)
    part = SourceFile(tmp_path / "Slidedat.ini", "x/a/Slidedat.ini")
    other = SourceFile(tmp_path / "b.ini", "x/ab/b.ini")
    near = Surroundings({part.name: part, other.name: other})
    assert reader._parts(SourceFile(path, "x/a.mrxs"), near) == (part,)
    with pytest.raises(SourceUnreadable, match="folder"):
        reader._parts(SourceFile(path, "y/a.mrxs"), near)


def test_slides_in_many_jpegs_are_refused_by_name(tmp_path):
    path = tmp_path / "a.vms"
    path.write_bytes(b"[Virtual Microscope Specimen]")
    assert "VMS" in found(path).reason


def test_a_cut_slide_is_refused(cmu, tmp_path):
    whole = cmu.read_bytes()
    path = tmp_path / "a.svs"
    for content in (b"", whole[:100], whole[: len(whole) // 2], b"%PDF"):
        path.write_bytes(content)
        assert isinstance(found(path), UnreadableFile)


def test_hostile_bytes_are_refused_or_read_and_never_crash(pyramid, cmu, tmp_path):
    draw = random.Random(5)
    for whole, suffix in ((pyramid.read_bytes(), ".tif"), (cmu.read_bytes(), ".svs")):
        path = tmp_path / f"h{suffix}"
        for _ in range(100):
            damaged = bytearray(whole)
            for _ in range(draw.randrange(1, 12)):
                # Where the directories are: the start, and in an SVS the end.
                span = draw.choice([(0, 400), (len(whole) - 3000, len(whole))])
                damaged[draw.randrange(*span)] = draw.randrange(256)
            path.write_bytes(
                damaged[: draw.randrange(len(whole))] if draw.random() < 0.2 else damaged
            )
            assert isinstance(found(path), FoundAsset | UnreadableFile)
            try:
                slide = opened(path)
                if hasattr(slide, "thumbnail"):
                    slide.thumbnail(64)
                    slide.close()
            except BiolakeError:
                continue


def tiff(levels: list[np.ndarray], per_cm: int) -> bytes:
    """Write a pyramid of 64-pixel RGB tiles; the directories come first."""
    tables, data = [], b""
    start = 8 + sum(2 + 12 * 14 + 4 + 8 * _tiles(level) + 30 for level in levels)
    at = 8
    for number, level in enumerate(levels):
        rows, columns = level.shape[:2]
        tiles = [
            level[top : top + 64, left : left + 64].tobytes()
            for top in range(0, rows, 64)
            for left in range(0, columns, 64)
        ]
        offsets = [start + len(data) + i * 64 * 64 * 3 for i in range(len(tiles))]
        data += b"".join(tiles)
        extra = at + 2 + 12 * 14 + 4
        counts = extra + 4 * len(tiles)
        bits, resolution = counts + 4 * len(tiles), counts + 4 * len(tiles) + 6
        tags = [(254, 4, 1, int(number > 0)), (256, 4, 1, columns), (257, 4, 1, rows),
                (258, 3, 3, bits), (259, 3, 1, 1), (262, 3, 1, 2), (277, 3, 1, 3),
                (282, 5, 1, resolution), (283, 5, 1, resolution + 8), (296, 3, 1, 3),
                (322, 4, 1, 64), (323, 4, 1, 64), (324, 4, len(tiles), extra),
                (325, 4, len(tiles), counts)]  # fmt: skip
        after = resolution + 16 + 8
        entries = b"".join(
            struct.pack("<HHI", tag, kind, count)
            + (
                struct.pack("<HH", value, 0)
                if kind == 3 and count == 1
                else struct.pack("<I", value)
            )
            for tag, kind, count, value in tags
        )
        more = after if number + 1 < len(levels) else 0
        tables.append(
            struct.pack("<H", 14) + entries + struct.pack("<I", more)
            + struct.pack(f"<{len(tiles)}I", *offsets)
            + struct.pack(f"<{len(tiles)}I", *[64 * 64 * 3] * len(tiles))
            + struct.pack("<HHH4I", 8, 8, 8, per_cm, 1, per_cm, 1) + bytes(8)
        )  # fmt: skip
        at = after
    return b"II*\0" + struct.pack("<I", 8) + b"".join(tables) + data


def _tiles(level: np.ndarray) -> int:
    return (level.shape[0] // 64) * (level.shape[1] // 64)
