import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest

from biolake.core.assets import FileContent, FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers import picture as reader

Pillow = pytest.importorskip("PIL.Image")
SHARED = Path(__file__).parents[2].parent / "shared" / "data"
RAMP = (np.arange(48, dtype=np.uint16).reshape(6, 8) * 1000).astype(np.uint16)
GREY = (np.arange(48, dtype=np.uint8).reshape(6, 8) * 5).astype(np.uint8)


def found(path: Path):
    return next(reader.find([SourceFile(path, path.name)], Surroundings({})))


def opened(path: Path):
    return reader.picture.call(FileContent.of(path))


def saved(image, path: Path, **options) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_grey_pixels_come_back_as_they_were(tmp_path, suffix):
    image = opened(saved(Pillow.fromarray(GREY), tmp_path / f"a{suffix}"))
    assert image.pixels.dtype == np.uint8
    assert np.array_equal(image.pixels, GREY)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_of_grey_are_kept(tmp_path, suffix):
    path = saved(Pillow.fromarray(RAMP), tmp_path / f"a{suffix}")
    assert opened(path).pixels.dtype == np.uint16
    assert np.array_equal(opened(path).pixels, RAMP)
    assert found(path).facts.attributes["bits"] == 16


def test_a_big_endian_tiff_has_the_same_pixels(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(RAMP.astype(">u2").tobytes(), 16, photometric=1))
    assert np.array_equal(opened(path).pixels, RAMP)


@pytest.mark.parametrize("bits", [8, 16])
def test_a_tiff_whose_zero_is_white_is_turned_so_that_high_is_bright(tmp_path, bits):
    stored = GREY if bits == 8 else RAMP.astype("<u2")
    path = tmp_path / "a.tif"
    path.write_bytes(tiff(stored.tobytes(), bits, photometric=0, order="<"))
    expected = 255 - GREY if bits == 8 else 65535 - RAMP
    assert np.array_equal(opened(path).pixels, expected)


def test_float_pixels_stay_and_missing_ones_are_refused(tmp_path):
    values = GREY.astype(np.float32) / 7
    assert np.array_equal(
        opened(saved(Pillow.fromarray(values), tmp_path / "a.tif")).pixels, values
    )
    values[0, 0] = np.nan
    with pytest.raises(SourceUnreadable, match="not finite"):
        opened(saved(Pillow.fromarray(values), tmp_path / "b.tif"))


def test_one_bit_palette_and_cmyk_become_grey_and_rgb(tmp_path):
    one_bit = Pillow.fromarray(GREY > 100)
    assert np.array_equal(opened(saved(one_bit, tmp_path / "a.png")).pixels, (GREY > 100) * 255)
    colours = np.dstack([GREY, 255 - GREY, GREY // 2])
    palette = Pillow.fromarray(colours).quantize(64)
    pixels = opened(saved(palette, tmp_path / "b.png")).pixels
    assert np.array_equal(pixels, np.asarray(palette.convert("RGB")))
    cmyk = Pillow.fromarray(colours).convert("CMYK")
    pixels = opened(saved(cmyk, tmp_path / "c.tif")).pixels
    assert np.abs(pixels.astype(int) - colours).max() <= 1


def test_transparency_is_laid_on_white(tmp_path):
    alpha = np.where(GREY > 100, 255, 0).astype(np.uint8)
    expected = np.where(GREY > 100, GREY, 255)
    rgba = Pillow.fromarray(np.dstack([GREY, GREY, GREY, alpha]))
    pixels = opened(saved(rgba, tmp_path / "a.png")).pixels
    assert pixels.shape == (6, 8, 3)
    assert np.array_equal(pixels[..., 0], expected)
    pixels = opened(saved(rgba.convert("LA"), tmp_path / "b.png")).pixels
    assert np.array_equal(pixels, expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_stands_upright_however_the_camera_was_held(tmp_path, suffix, orientation):
    # A white corner, whose upright place the standard gives for each orientation.
    stored = np.zeros((32, 48), np.uint8)
    stored[:8, :8] = 255
    exif = Pillow.Exif()
    exif[274] = orientation
    path = tmp_path / f"a{suffix}"
    Pillow.fromarray(stored).save(path, exif=exif)
    pixels = opened(path).pixels
    assert pixels.shape == ((32, 48) if orientation < 5 else (48, 32))
    row, column = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0),
                   5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}[orientation]  # fmt: skip
    assert pixels[row, column] > 250
    assert found(path).facts.shape == pixels.shape


def test_pages_are_counted_and_the_first_is_opened(tmp_path):
    pages = [Pillow.fromarray(GREY), Pillow.fromarray(255 - GREY)]
    path = saved(pages[0], tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    assert opened(path).frames == 1
    assert np.array_equal(opened(path).pixels, GREY)
    assert found(path).facts.kind == "frames"
    assert found(path).facts.attributes["frames"] == 2
    assert "first" in found(path).notes[0]


def test_colours_of_sixteen_bits_are_said_to_come_in_eight(tmp_path):
    row = b"\0" + np.full(8 * 3, 0xABCD, ">u2").tobytes()
    path = tmp_path / "a.png"
    path.write_bytes(png(8, 6, 16, 2, zlib.compress(row * 6)))
    assert opened(path).pixels[0, 0].tolist() == [0xAB] * 3
    assert found(path).facts.attributes["bits"] == 16
    assert "8" in found(path).notes[0]


def test_nothing_personal_in_the_exif_reaches_the_index(tmp_path):
    exif = Pillow.Exif()
    exif[315], exif[270], exif[271] = "Jane Roe", "Jane Roe's arm", "Maker"
    exif.get_ifd(0x8825).update({1: "N", 2: (51.0, 30.0, 0.0)})
    exif.get_ifd(0x8769).update({36867: "2024:05:06 07:08:09", 36881: "+02:00"})
    asset = found(saved(Pillow.fromarray(GREY), tmp_path / "a.jpg", exif=exif))
    assert "Jane" not in repr(asset.facts)
    assert set(asset.facts.attributes) == {"file_format", "mode", "bits", "frames", "bytes"}
    assert asset.start == 1_714_979_289_000_000  # 07:08:09, as written
    assert asset.utc_offset == 120


def test_a_camera_without_a_clock_gives_no_time(tmp_path):
    exif = Pillow.Exif()
    exif.get_ifd(0x8769)[36867] = "0000:00:00 00:00:00"
    assert found(saved(Pillow.fromarray(GREY), tmp_path / "a.jpg", exif=exif)).start is None


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(png(60_000, 60_000, 8, 0, zlib.compress(b"\0" * 1000)))
    assert isinstance(found(path), UnreadableFile)
    path.write_bytes(png(9_000, 9_000, 8, 0, zlib.compress(b"\0" * 1000)))
    assert "not to be had" in found(path).reason


def test_empty_cut_and_foreign_files_are_refused_with_a_reason(tmp_path):
    whole = saved(Pillow.fromarray(GREY), tmp_path / "a.png").read_bytes()
    for content in (b"", whole[:30], whole[:-30], b"%PDF-1.7"):
        (tmp_path / "a.png").write_bytes(content)
        assert "damaged" in found(tmp_path / "a.png").reason


def test_claims_follow_the_suffix_the_magic_and_the_tiles(tmp_path):
    assert reader.claims("x/A.JPG", b"")
    assert reader.claims("x/noname", b"\x89PNG\r\n\x1a\n")
    assert not reader.claims("x/a.dcm", b"\x89PNG\r\n\x1a\n")
    strips = tiff(GREY.tobytes(), 8, photometric=1)
    assert reader.claims("a.tif", strips)
    assert not reader.claims("a.tif", tiff(GREY.tobytes(), 8, photometric=1, tiled=True))
    assert not reader.claims("a.tif", strips[:4] + struct.pack(">I", 90_000) + bytes(4088))


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
def test_hostile_bytes_are_refused_or_read_and_never_crash(tmp_path, suffix):
    draw = random.Random(suffix)
    whole = saved(Pillow.fromarray(np.dstack([GREY] * 3)), tmp_path / f"w{suffix}").read_bytes()
    path = tmp_path / f"a{suffix}"
    for _ in range(200):
        damaged = bytearray(whole[: draw.randrange(len(whole))] if draw.random() < 0.3 else whole)
        for _ in range(draw.randrange(1, 6)):
            if damaged:
                damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        path.write_bytes(damaged)
        assert isinstance(found(path), FoundAsset | UnreadableFile)
        try:
            opened(path)
        except BiolakeError:
            continue


def test_real_radiographs_open():
    folder = SHARED / "covid_chest" / "images"
    if not folder.exists():
        pytest.skip("no shared data")
    for path in sorted(folder.iterdir())[:12]:
        asset = found(path)
        assert asset.facts.shape == opened(path).pixels.shape


def png(columns: int, rows: int, depth: int, colour: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    header = struct.pack(">IIBBBBB", columns, rows, depth, colour, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def tiff(
    data: bytes, bits: int, *, photometric: int, tiled: bool = False, order: str = ">"
) -> bytes:
    """Write a 6 × 8 grey TIFF of one strip."""
    tags = [(256, 8), (257, 6), (258, bits), (259, 1), (262, photometric), (273, 122),
            (277, 1), (278, 6), (279, len(data))]  # fmt: skip
    if tiled:
        tags[5:6] = [(322, 16)]
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in sorted(tags))
    magic = b"MM\0*" if order == ">" else b"II*\0"
    return magic + struct.pack(f"{order}IH", 8, len(tags)) + entries + bytes(4) + data
