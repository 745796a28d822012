"""Make the project's `.venv` from nothing but Python 3.11, the first way that works here.

In order: keep what is installed, update it, uv, `python -m venv`, the system's pip, a fetched pip.
A `.venv` counts as made only once its stamp is written, which happens last.
"""

from __future__ import annotations

import configparser
import contextlib
import fcntl
import hashlib
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urljoin
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parent.parent
OLDEST_PYTHON = (3, 11)
OLDEST_PIP_FOR_OTHERS = (22, 3)  # the first pip with --python
FETCHED_PIP = "pip-26.3-py3-none-any.whl"
FETCHED_PIP_SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
FAILED, SETUP_MISSING = 1, 3
QUIET = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


class SetupError(Exception):
    """Setting up cannot go on; says what to do, and carries the exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class WayBlockedError(Exception):
    """This way does not work here; the next one may."""


@dataclass(frozen=True)
class Machine:
    """What this machine offers to make an environment with."""

    uv: str | None = None
    ensurepip: bool = False
    pip: tuple[str, ...] = ()
    index: str | None = None
    apt: bool = False


@dataclass(frozen=True)
class Plan:
    """The environment wanted: where, and with which extras of the project."""

    root: Path
    extras: frozenset[str] = field(default_factory=frozenset)

    @property
    def venv(self) -> Path:
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"

    @property
    def stamp(self) -> Path:
        return self.venv / ".biolake-lock"

    @property
    def unfinished(self) -> Path:
        """Mark that `.venv` is being changed; it stands outside, so that it outlives a kill."""
        return self.root / ".venv.unfinished"

    @property
    def install(self) -> list[str]:
        extras = f"[{','.join(sorted(self.extras))}]" if self.extras else ""
        constraints = str(self.root / "constraints.txt")
        return ["install", "--quiet", "-e", f"{self.root}{extras}", "-c", constraints]


def say(message: str) -> None:
    """Tell the person waiting, without touching stdout."""
    sys.stderr.write(message + "\n")
    sys.stderr.flush()


def check_python(version: tuple[int, ...]) -> None:
    """Refuse a Python that is too old, naming a newer one when it is there."""
    if tuple(version[:2]) >= OLDEST_PYTHON:
        return
    newer = [name for name in ("python3.11", "python3.12", "python3.13") if shutil.which(name)]
    hint = f"Run it with {newer[0]}." if newer else "Install a newer one, then run this again."
    have, want = ".".join(map(str, version[:2])), ".".join(map(str, OLDEST_PYTHON))
    raise SetupError(f"Biolake needs Python {want} or newer; this is {have}. {hint}", SETUP_MISSING)


def lock_hash(root: Path) -> str:
    """Digest everything that decides what an installation contains."""
    import tomllib  # Python 3.11; check_python has run by now

    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    decides = {
        "constraints": (root / "constraints.txt").read_text(encoding="utf-8"),
        "project": project.get("project", {}),
        "build": project.get("build-system", {}),
        "python": list(sys.version_info[:2]),
        "root": str(root),  # an editable install points at the tree it came from
    }
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def installed(plan: Plan, wanted: str) -> frozenset[str] | None:
    """Name the extras in `.venv`, or None when it does not match the wanted hash."""
    if plan.unfinished.exists() or not os.access(plan.python, os.X_OK):
        return None
    try:
        digest, *extras = plan.stamp.read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return frozenset(extras) if digest == wanted else None


def pip_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Read pip's own configuration, weakest file first, environment last."""
    home = Path(environ.get("HOME", "/"))
    config = Path(environ.get("XDG_CONFIG_HOME", home / ".config"))
    files = [Path("/etc/pip.conf"), home / ".pip/pip.conf", config / "pip/pip.conf"]
    named = environ.get("PIP_CONFIG_FILE")
    if named:
        files = [] if named == os.devnull else [*files, Path(named)]
    parser = configparser.RawConfigParser(strict=False)
    with contextlib.suppress(configparser.Error, UnicodeDecodeError):
        parser.read(files, encoding="utf-8")
    settings: dict[str, str] = {}
    for section in ("global", "install"):
        settings |= dict(parser[section]) if parser.has_section(section) else {}
    settings |= {
        name[4:].lower().replace("_", "-"): value
        for name, value in environ.items()
        if name.startswith("PIP_") and value
    }
    return settings


def system_pip() -> tuple[str, ...]:
    """Find a pip outside the environment that can install into another Python."""
    commands = [(sys.executable, "-m", "pip"), *((p,) for p in [shutil.which("pip3")] if p)]
    for command in commands:
        shown = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
        found = re.match(r"pip (\d+)\.(\d+)", shown.stdout)
        if found and (int(found[1]), int(found[2])) >= OLDEST_PIP_FOR_OTHERS:
            return command
    return ()


def look() -> Machine:
    """See what this machine offers."""
    ensurepip = importlib.util.find_spec("ensurepip")
    return Machine(
        uv=shutil.which("uv"),
        ensurepip=ensurepip is not None and ensurepip.origin is not None,
        pip=system_pip(),
        index=pip_settings(os.environ).get("index-url"),
        apt=shutil.which("apt-get") is not None,
    )


def call(command: Iterable[str | Path], **extra: str) -> None:
    """Run one step of an installation; what it said is shown when it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        env=os.environ | QUIET | extra,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        say(done.stdout.strip())
        raise WayBlockedError(f"a step of it failed (exit {done.returncode})")


def clear(plan: Plan) -> None:
    """Remove whatever stands where `.venv` goes."""
    if plan.venv.is_symlink() or plan.venv.is_file():
        plan.venv.unlink()
    shutil.rmtree(plan.venv, ignore_errors=True)


def make_empty(plan: Plan, *options: str) -> None:
    """Make the environment with Python's own venv module."""
    clear(plan)
    call([sys.executable, "-m", "venv", *options, plan.venv])


def fill(plan: Plan, *pip: str | Path) -> None:
    """Install with pip; what it cannot install here, another pip cannot either."""
    try:
        call([*pip, *plan.install])
    except WayBlockedError:
        reason = "biolake: pip could not install the dependencies; its reason stands above."
        raise SetupError(reason, FAILED) from None


def with_update(plan: Plan, machine: Machine) -> None:
    """Install into the `.venv` that is there, which may be someone's own."""
    call([plan.python, "-m", "pip", *plan.install])


def with_uv(plan: Plan, machine: Machine) -> None:
    """Let uv make and fill the environment, from the index that pip is told to use."""
    uv = str(machine.uv)
    index = {"UV_DEFAULT_INDEX": machine.index} if machine.index else {}
    clear(plan)
    call([uv, "venv", "--quiet", "--python", sys.executable, plan.venv])
    call([uv, "pip", *plan.install, "--python", plan.python], **index)


def with_venv(plan: Plan, machine: Machine) -> None:
    """Make the environment with its own pip, and use that."""
    make_empty(plan)
    fill(plan, plan.python, "-m", "pip")


def with_system_pip(plan: Plan, machine: Machine) -> None:
    """Fill an environment that has no pip with the system's."""
    make_empty(plan, "--without-pip")
    fill(plan, *machine.pip, "--python", plan.python)


def with_fetched_pip(plan: Plan, machine: Machine) -> None:
    """Fill an environment that has no pip with one fetched for the occasion."""
    with tempfile.TemporaryDirectory() as folder:
        wheel = fetch_pip(str(machine.index), Path(folder))
        make_empty(plan, "--without-pip")
        fill(plan, plan.python, wheel / "pip")


def certificates() -> ssl.SSLContext:
    """Check servers as pip is told to, or not at all where the machine has no certificates."""
    context = ssl.create_default_context(cafile=pip_settings(os.environ).get("cert"))
    folder = ssl.get_default_verify_paths().capath
    if not context.cert_store_stats()["x509_ca"] and not (folder and os.listdir(folder)):
        # A bare Debian trusts nobody; the wheel is held to its pinned SHA-256 all the same.
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def fetch_pip(index: str, folder: Path) -> Path:
    """Fetch the pinned pip wheel through the simple index, and refuse any other bytes."""
    page = index.rstrip("/") + "/pip/"
    try:
        listing = fetch(page).decode("utf-8", "replace")
        links = re.findall(r'href="([^"]+)"', listing)
        link = next(link for link in links if link.split("#")[0].endswith(FETCHED_PIP))
        content = fetch(urljoin(page, link.split("#")[0]))
    except (URLError, OSError, ValueError) as error:
        raise WayBlockedError(f"the index did not answer: {error}") from error
    except StopIteration:
        raise WayBlockedError(f"the index has no {FETCHED_PIP}") from None
    if hashlib.sha256(content).hexdigest() != FETCHED_PIP_SHA256:
        raise WayBlockedError(f"the index's {FETCHED_PIP} is not the one pinned here")
    wheel = folder / FETCHED_PIP
    wheel.write_bytes(content)
    return wheel


def fetch(url: str) -> bytes:
    """Read one address whole."""
    # S310: the address is that of the index pip is told to use.
    request = Request(url, headers={"Accept": "text/html"})  # noqa: S310
    with urlopen(request, timeout=60, context=certificates()) as answer:  # noqa: S310
        content: bytes = answer.read()
    return content


WAYS = {
    "update": with_update,
    "uv": with_uv,
    "venv": with_venv,
    "system pip": with_system_pip,
    "fetched pip": with_fetched_pip,
}


def can_update(plan: Plan) -> bool:
    """Tell whether `.venv` is whole, of this Python, and has a pip of its own."""
    if plan.unfinished.exists() or not os.access(plan.python, os.X_OK):
        return False
    major, minor = sys.version_info[:2]
    asked = f"import pip, sys; sys.exit(sys.version_info[:2] != ({major}, {minor}))"
    done = subprocess.run([plan.python, "-c", asked], capture_output=True, check=False)
    return done.returncode == 0


def ways(machine: Machine, updatable: bool) -> list[str]:
    """List the ways open on this machine, best first."""
    is_open = {
        "update": updatable,
        "uv": machine.uv is not None,
        "venv": machine.ensurepip,
        "system pip": bool(machine.pip),
        "fetched pip": machine.index is not None,
    }
    return [way for way in WAYS if is_open[way]]


def no_way_left(machine: Machine) -> SetupError:
    """Say the one line to run where no way is open, or none of them could start."""
    line = "Run: apt-get install python3-venv" if machine.apt else "Add Python's pip and venv."
    return SetupError(f"biolake: nothing here can install Python packages. {line}", SETUP_MISSING)


def make(plan: Plan, machine: Machine, wanted: str) -> None:
    """Try each open way until one leaves a whole environment, and stamp it."""
    choice = ways(machine, can_update(plan))
    plan.unfinished.touch()
    with contextlib.suppress(OSError):  # there is no stamp, or no folder to hold one
        plan.stamp.unlink()
    for way in choice:
        say(f"biolake: setting up .venv ({way}); the first time takes a minute or two")
        started = time.monotonic()
        try:
            WAYS[way](plan, machine)
        except WayBlockedError as blocked:
            say(f"biolake: {way}: {blocked}")
            continue
        plan.stamp.write_text("\n".join([wanted, *sorted(plan.extras)]) + "\n", encoding="utf-8")
        plan.unfinished.unlink()
        say(f"biolake: .venv is ready ({time.monotonic() - started:.0f} s)")
        return
    raise no_way_left(machine)


@contextlib.contextmanager
def alone(root: Path) -> Iterator[None]:
    """Let one run at a time touch `.venv`."""
    with (root / ".venv.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("biolake: another run is setting up .venv; waiting for it")
            fcntl.flock(held, fcntl.LOCK_EX)
        yield


def ensure(root: Path, extras: Iterable[str] = ()) -> Path:
    """Return the environment's Python, making or updating the environment when needed."""
    check_python(sys.version_info[:2])
    wanted = lock_hash(root)
    with alone(root):
        present = installed(Plan(root), wanted)
        plan = Plan(root, frozenset(extras) | (present or frozenset()))
        if present != plan.extras:
            try:
                make(plan, look(), wanted)
            except BaseException:
                clear(plan)
                plan.unfinished.unlink(missing_ok=True)
                raise
    return plan.python


def ready(extras: Iterable[str] = ()) -> Path:
    """Return the environment's Python, or leave with one clear line."""
    try:
        return ensure(ROOT, extras)
    except SetupError as error:
        say(str(error))
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    sys.stdout.write(f"{ready(sys.argv[1:])}\n")
