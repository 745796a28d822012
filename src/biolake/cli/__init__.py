"""The command line: one module a group of commands, no science."""

from typing import NoReturn


def _cannot_start(error: Exception) -> NoReturn:
    """Say in one line why nothing can be run, and end; BIOLAKE_DEBUG=1 shows the details."""
    import json
    import os
    import sys

    if os.environ.get("BIOLAKE_DEBUG") == "1":
        raise error
    reason = (
        str(error) if isinstance(error, ImportError) else f"an unexpected {type(error).__name__}"
    )
    said = {
        "code": "setup_missing",
        "message": f"biolake cannot start: {reason}",
        "where": sys.executable,
        "next": "Install it again for this Python: pip install --force-reinstall biolake",
    }
    if "--json" in sys.argv:
        print(json.dumps({"ok": False, "error": said}, indent=2))  # noqa: T201 - no click to say it
    else:
        sys.stderr.write(f"Error: {said['where']}: {said['message']}\n{said['next']}\n")
    raise SystemExit(3)


try:
    from biolake.cli.app import main
except KeyboardInterrupt:  # before anything was begun: nothing to tell but the exit code
    raise SystemExit(130) from None
except Exception as error:
    _cannot_start(error)

__all__ = ["main"]
