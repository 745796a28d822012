"""Find what must not be said in the project: paths of one machine, hosts of one package index."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Written as patterns, these lines do not match themselves.
FORBIDDEN = {
    "a path of one machine": re.compile(r"(?<![\w.\-/])/(?:work|root)\b"),
    "a package index host": re.compile(r"pypi\.org|pythonhosted\.org|pypi\.python\.org"),
    "an issue number": re.compile(r"(?i)\b(?:issue|ticket)s?\s+#?\d+\b|\bGH-\d+\b"),
}
MADE_HERE = {"lake", "demo-out", "build", "dist"}  # at the top: .gitignore says the same


def files(root: Path) -> list[Path]:
    """List the files that are, or are about to be, tracked."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        paths = [root / name for name in listed.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # no git here, or not a checkout
        paths = [path for path in root.rglob("*") if not is_made_here(path.relative_to(root))]
    return sorted(path for path in set(paths) if path.is_file())


def is_made_here(path: Path) -> bool:
    """Tell a cache, an environment or an output from a file of the project."""
    hidden = {part for part in path.parts[:-1] if part.startswith(".")} - {".ci"}
    return bool(hidden) or path.parts[0] in MADE_HERE or "__pycache__" in path.parts


def findings(text: str, name: str) -> Iterator[str]:
    """Yield one line for each forbidden thing in one file."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in FORBIDDEN.items():
            if found := pattern.search(line):
                yield f"{name}:{number}: {what}: {found[0]}"


def main(root: Path = ROOT) -> int:
    """Print every finding; fail when there is one."""
    found: list[str] = []
    for path in files(root):
        content = path.read_bytes()
        if b"\0" not in content:  # a binary file says nothing
            name = str(path.relative_to(root))
            found += findings(content.decode("utf-8", "replace"), name)
    sys.stdout.write("".join(f"{line}\n" for line in found))
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
