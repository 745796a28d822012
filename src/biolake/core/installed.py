"""What must be installed for a piece of work, asked before it is needed."""

from __future__ import annotations

from importlib.util import find_spec

from biolake.core.errors import SetupMissing

_DISTRIBUTIONS = {"PIL": "pillow"}  # imported by another name than it is installed by


def require(extra: str, *modules: str, to: str = "", where: str = "") -> None:
    """Raise SetupMissing, with the install line of the extra, when a library is not there.

    `to` says what it is needed for, as in "measure signals"; `where` is the file at hand.
    """
    missing = [_DISTRIBUTIONS.get(name, name) for name in modules if find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        purpose = f", and needed to {to}" if to else ""
        raise SetupMissing(
            f"{' and '.join(missing)} {verb} not installed{purpose}.",
            where=where,
            next=f"Install: pip install 'biolake[{extra}]'",
        )
