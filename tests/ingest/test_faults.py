"""What goes wrong in hospitals, on purpose: a load dies, two meet, a disk fills, a tar climbs."""

from __future__ import annotations

import io
import os
import signal
import tarfile
import zipfile
from pathlib import Path

import pytest
from tests.ingest.labs import LABS, SUBJECTS, ingest_in_child, make

from biolake.core.catalogue import Catalogue
from biolake.core.errors import SourceUnreadable, WrongUse
from biolake.ingest.pipeline import IngestReport, ingest
from biolake.lake.door import open_view
from biolake.lake.lake import Lake, init, open_lake
from biolake.lake.verifying import verify

STAGES = ["plan", "read", "write", "before commit", "after commit"]
KILL = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return init(str(tmp_path / "lake"), subject_ids="source")


def load(lake: Lake, source: Path) -> IngestReport:
    return ingest(lake, str(source), Catalogue(), mapping=str(source / "labs.yaml"))


def events(lake: Lake) -> int:
    with open_view(lake) as view:
        return int(view.rows("SELECT count(*) FROM events")[0][0])


@pytest.mark.parametrize("stage", STAGES)
def test_a_load_killed_at_any_stage_leaves_the_last_commit_and_can_be_repeated(
    lake: Lake, tmp_path: Path, stage: str
) -> None:
    source = make(tmp_path / "source")
    child = ingest_in_child(Path(lake.root), source, stage=stage, act=KILL)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    reopened = open_lake(lake.root)
    landed = stage == "after commit"
    assert reopened.commit().number == (1 if landed else 0)
    assert events(reopened) == (LABS + SUBJECTS if landed else 0)
    report = load(reopened, source)
    assert report.load.added == (0 if landed else LABS + SUBJECTS)
    assert events(reopened) == LABS + SUBJECTS
    assert verify(reopened).problems == ()


@pytest.mark.parametrize("stage", ["write", "before commit"])
def test_a_second_load_killed_leaves_the_first_untouched(
    lake: Lake, tmp_path: Path, stage: str
) -> None:
    load(lake, make(tmp_path / "first"))
    second = make(tmp_path / "second", value=5.0)  # every result corrected
    child = ingest_in_child(Path(lake.root), second, stage=stage, act=KILL)
    child.communicate(timeout=60)
    assert open_lake(lake.root).commit().number == 1
    assert verify(lake).problems == ()
    report = load(lake, second)
    assert report.load.outcome.replaced == LABS
    assert events(lake) == LABS + SUBJECTS
    assert verify(lake).problems == ()


def test_two_loads_at_once_one_waits_and_both_land(lake: Lake, tmp_path: Path) -> None:
    first, second = make(tmp_path / "a"), make(tmp_path / "b", extra="9999,1,,1,2151-01-01,4,g\n")
    children = [
        ingest_in_child(
            Path(lake.root), source, wait=60, stage="read", act="import time; time.sleep(1)"
        )
        for source in (first, second)
    ]
    for child in children:
        child.communicate(timeout=120)
    assert [child.returncode for child in children] == [0, 0]
    assert events(lake) == LABS + SUBJECTS + 1
    assert verify(lake).problems == ()


def test_two_loads_at_once_the_one_that_does_not_wait_says_who_holds_the_lake(
    lake: Lake, tmp_path: Path
) -> None:
    source = make(tmp_path / "source")
    holder = ingest_in_child(
        Path(lake.root),
        source,
        stage="read",
        act="print('held', flush=True); import time; time.sleep(3)",
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    other = ingest_in_child(Path(lake.root), source)
    said, _ = other.communicate(timeout=60)
    assert other.returncode == 1
    assert f"process {holder.pid}" in said
    holder.communicate(timeout=60)
    assert events(lake) == LABS + SUBJECTS


def test_a_full_disk_leaves_the_lake_as_it_was(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    # A limit on the size of any file a process writes acts like a disk that fills while it writes.
    act = (
        "import resource; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        " resource.setrlimit(resource.RLIMIT_FSIZE, (700, 700))"
    )
    child = ingest_in_child(Path(lake.root), source, stage="write", act=act)
    child.communicate(timeout=60)
    assert child.returncode == 1
    assert open_lake(lake.root).commit().number == 0
    load(lake, source)
    assert events(lake) == LABS + SUBJECTS
    assert verify(lake).problems == ()


def tar_with(path: Path, name: str) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = 3
        archive.addfile(member, io.BytesIO(b"a,b"))
    return path


def zip_with(path: Path, name: str) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "a,b")
    return path


@pytest.mark.parametrize("make_archive", [tar_with, zip_with])
@pytest.mark.parametrize("name", ["../escaped.csv", "/escaped.csv", "ok/../../escaped.csv"])
def test_an_archive_that_climbs_out_is_refused(
    lake: Lake, tmp_path: Path, make_archive: object, name: str
) -> None:
    assert callable(make_archive)
    suffix = "x.tar.gz" if make_archive is tar_with else "x.zip"
    archive = make_archive(tmp_path / suffix, name)
    with pytest.raises(SourceUnreadable, match="climbs out"):
        ingest(lake, str(archive), Catalogue())
    assert not (tmp_path / "escaped.csv").exists()
    assert lake.commit().number == 0


def test_an_archive_with_a_link_is_refused(lake: Lake, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        member = tarfile.TarInfo("labevents.csv")
        member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(member)
    with pytest.raises(SourceUnreadable, match="link"):
        ingest(lake, str(tmp_path / "x.tar"), Catalogue())


def test_an_archive_cut_short_is_refused(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    whole = tmp_path / "whole.tar.gz"
    with tarfile.open(whole, "w:gz") as archive:
        archive.add(source, "source")
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[: os.path.getsize(whole) // 2])
    with pytest.raises(SourceUnreadable, match="cannot be unpacked"):
        ingest(lake, str(cut), Catalogue())
    report = ingest(lake, str(whole), Catalogue(), mapping=str(source / "labs.yaml"))
    assert report.load.added == LABS + SUBJECTS


def test_a_missing_source_is_named(lake: Lake) -> None:
    with pytest.raises(WrongUse, match="no such file"):
        ingest(lake, "nowhere/at/all", Catalogue())


@pytest.mark.parametrize("damage", ["flipped", "password", "unknown compression"])
def test_a_damaged_zip_is_refused(lake: Lake, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labs.csv", "a,b\n" * 1000)
    raw = bytearray(path.read_bytes())
    listed = raw.find(b"PK\x01\x02")
    if damage == "flipped":
        raw[44] ^= 0xFF
    elif damage == "password":
        raw[6] |= 1
        raw[listed + 8] |= 1
    else:
        raw[8] = raw[listed + 10] = 9
    path.write_bytes(raw)
    with pytest.raises(SourceUnreadable, match="cannot be unpacked"):
        ingest(lake, str(path), Catalogue())
    assert lake.commit().number == 0


def test_a_source_in_an_archive_is_called_as_the_archive_is(lake: Lake, tmp_path: Path) -> None:
    archive = zip_with(tmp_path / "delivery.zip", "labs.csv")
    source = make(tmp_path / "source")
    with pytest.raises(SourceUnreadable, match=r"^delivery\.zip: "):
        ingest(lake, str(zip_with(tmp_path / "delivery.zip", "other.csv")), Catalogue(),
               mapping=str(source / "labs.yaml"))  # fmt: skip
    assert archive.exists()


@pytest.mark.parametrize("zone", ["Europe/Berln", "", "../../etc/passwd", "+02:00"])
def test_a_time_zone_nobody_knows_is_wrong_use(lake: Lake, tmp_path: Path, zone: str) -> None:
    source = make(tmp_path / "source")
    with pytest.raises(WrongUse, match="no time zone is named"):
        ingest(lake, str(source), Catalogue(), mapping=str(source / "labs.yaml"), zone=zone)


@pytest.mark.parametrize("site", ["", " ", "two\nlines", "x" * 101])
def test_a_site_has_a_name_that_can_be_shown(lake: Lake, tmp_path: Path, site: str) -> None:
    with pytest.raises(WrongUse, match="a site's name"):
        ingest(lake, str(make(tmp_path / "source")), Catalogue(), site=site)


def test_a_line_of_400_mb_is_refused_without_filling_the_memory(lake: Lake, tmp_path: Path) -> None:
    source = make(tmp_path / "source")
    with (source / "labevents.csv").open("ab") as stream:
        stream.write(b"9999,1,,")
        for _ in range(400):
            stream.write(b"5" * (1 << 20))
        stream.write(b",2151-01-01,4,g\n")
    # The child tells its own peak: what wait4 reports takes in the memory of whoever forked it.
    act = (
        "import atexit, pathlib; atexit.register(lambda: sys.stderr.write("
        "pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]))"
    )
    child = ingest_in_child(Path(lake.root), source, stage="plan", act=act)
    said, peak = child.communicate(timeout=120)
    assert child.returncode == 4, said
    assert len(said.splitlines()) == 1
    assert "labevents.csv" in said
    assert int(peak) < 400 << 10  # KiB: the line never was in memory whole
    assert open_lake(lake.root).commit().number == 0
    load(lake, make(source))
    assert events(lake) == LABS + SUBJECTS
