"""Files as accidents leave them: cut short, bytes changed, numbers made absurd."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from pathlib import Path


def damaged(source: Path, folder: Path, times: int, seed: int = 7) -> Iterator[Path]:
    """Yield copies of a file or folder, one after another, each with one file damaged."""
    draw = random.Random(seed)
    for _ in range(times):
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        copy = folder / source.name
        if source.is_dir():
            shutil.copytree(source, copy)
        else:
            shutil.copy(source, copy)
        files = sorted(each for each in copy.rglob("*") if each.is_file()) or [copy]
        victim = draw.choice(files)
        victim.write_bytes(damage(victim.read_bytes(), draw))
        yield copy


def damage(content: bytes, draw: random.Random) -> bytes:
    """Cut bytes short, or change some: anywhere, or in the header, where they do most harm."""
    if not content:
        return b"\x00"
    if draw.random() < 0.3:
        return content[: draw.randrange(len(content))]
    changed = bytearray(content)
    reach = len(changed) if draw.random() < 0.5 else min(len(changed), 2048)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(reach)
        changed[at] = draw.choice([0, 10, 34, 44, 45, 57, 58, 92, 123, 255, draw.randrange(256)])
    return bytes(changed)
