"""How every command is spoken: shared options in any place, examples, near words for typos."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.lake.door import View
    from biolake.lake.lake import Lake

F = TypeVar("F", bound=Callable[..., Any])


@dataclass
class Session:
    """What one call of the command line asks for, and what it has opened so far."""

    root: str = ""
    json: bool = False
    at: int | None = None
    opened_at: int | None = None  # the lake's latest commit when this call began

    def lake_root(self) -> str:
        return self.root or os.environ.get("BIOLAKE_LAKE") or "lake"

    def lake(self) -> Lake:
        from biolake.lake import commits
        from biolake.lake.lake import open_lake

        lake = open_lake(self.lake_root())
        self.opened_at = commits.numbers(lake.store)[-1]
        return lake

    def view(self, purpose: str) -> AbstractContextManager[View]:
        from biolake.lake.door import Access, open_view
        from biolake.lake.lake import actor

        access = Access(actor(), purpose)
        return open_view(self.lake(), self.at, access=access)

    def show(self, data: Any, page: Callable[[Any], Iterable[RenderableType]]) -> None:
        """Write the data as the JSON envelope, or as the page made of them."""
        if self.json:
            self.envelope({"ok": True, "data": data})
            return
        from biolake.cli.pages import write

        write(page(data))

    def envelope(self, content: dict[str, Any]) -> None:
        try:
            click.echo(json.dumps(content, indent=2, ensure_ascii=False, default=str))
        except UnicodeEncodeError:  # a terminal without these letters, a path that is no text
            click.echo(json.dumps(content, indent=2, default=str))

    def say(self, text: str) -> None:
        """Talk to the person, beside the data."""
        click.echo(text, err=True)


pass_session = click.make_pass_decorator(Session, ensure=True)


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(context: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None and value is not False:
            setattr(context.find_root().ensure_object(Session), name, value)

    return callback


def lake_option() -> click.Option:
    return click.Option(
        ["--lake"],
        metavar="PATH",
        expose_value=False,
        callback=_set("root"),
        help="The lake: a folder or s3://bucket/path.  [default: $BIOLAKE_LAKE, else ./lake]",
    )


def json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        expose_value=False,
        callback=_set("json"),
        help="Answer as one JSON document on stdout.",
    )


def at_option() -> click.Option:
    return click.Option(
        ["--at"],
        type=int,
        metavar="COMMIT",
        expose_value=False,
        callback=_set("at"),
        help="Read the lake as it was at this commit.",
    )


class _Shown(click.Command):
    """Anything whose help ends with examples."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_epilog(ctx, formatter)
        if not self.examples:
            return
        with formatter.section("Example" if len(self.examples) == 1 else "Examples"):
            for example in self.examples:
                formatter.write(f"{'':{formatter.current_indent}}{example}\n")


class Command(_Shown):
    """A command that takes the shared options after its name too, and shows an example."""

    def __init__(self, *args: Any, reads: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reads = reads
        shared = [at_option()] if reads else []
        self.params.extend([*shared, lake_option(), json_option()])

    def invoke(self, ctx: click.Context) -> Any:
        session = ctx.find_root().ensure_object(Session)
        if session.at is not None and not self.reads:
            raise click.UsageError("--at is for reading; this command has no past to act on.", ctx)
        return super().invoke(ctx)


def command(name: str, **options: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command; `examples` and, for reads, `reads=True` are ours."""
    return click.command(name, cls=Command, **options)


class Section(_Shown, click.Group):
    """A group that names the nearest command when a word is not known."""

    command_class = Command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, made.get_short_help_str(80)) for name, made in self.commands.items()]
            )

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0]
        if self.get_command(ctx, word) is None and not word.startswith("-"):
            self._refuse(ctx, word)
        return super().resolve_command(ctx, args)

    def _refuse(self, ctx: click.Context, word: str) -> NoReturn:
        near = get_close_matches(word, self.list_commands(ctx), n=1, cutoff=0.5)
        hint = f' Did you mean "{near[0]}"?' if near else ""
        raise click.UsageError(f'No such command "{word}".{hint}', ctx)
