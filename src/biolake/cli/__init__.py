"""The command line: one module a group of commands, no science."""

try:
    from biolake.cli.app import main
except KeyboardInterrupt:  # before anything was begun: nothing to tell but the exit code
    raise SystemExit(130) from None

__all__ = ["main"]
