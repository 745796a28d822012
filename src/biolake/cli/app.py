"""The command `biolake`: its parts, its help by who uses them, and how it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from biolake import __version__
from biolake.cli import (
    asking,
    assets,
    cells,
    coders,
    cohorts,
    doctor,
    encode,
    events,
    extract,
    features,
    history,
    index,
    loading,
    mappings,
    models,
    search,
    sharing,
    spans,
    status,
    studies,
    terms,
    variant_carriers,
)
from biolake.cli.endings import Ending, ending_of, signals
from biolake.cli.grammar import Section, Session, at_option, json_option, lake_option

COMMANDS: dict[str, tuple[click.Command, ...]] = {
    "Load a hospital": (
        loading.init,
        loading.ingest,
        extract.extract,
        encode.encode,
        index.index,
        mappings.mapping,
        mappings.simulate,
    ),
    "Ask the data": (
        status.status,
        status.quality,
        search.search,
        terms.codes,
        asking.subject,
        events.events,
        assets.assets,
        spans.spans,
        variant_carriers.variants,
    ),
    "Ask a question": (
        cohorts.cohort,
        features.features,
        studies.study,
        models.model,
        coders.coder,
    ),
    "Account for the data": (
        history.commits,
        history.diff,
        history.verify,
        history.forget,
    ),
    "Hand on and look after": (
        sharing.export,
        cells.cells,
        history.compact,
        doctor.doctor,
    ),
}


class Application(Section):
    """The whole command line; however it ends, there is an exit code, and JSON if asked for."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        name = prog_name or "biolake"
        if not standalone_mode or os.environ.get("_BIOLAKE_COMPLETE"):
            return super().main(args, name, complete_var, standalone_mode, **extra)
        words = list(sys.argv[1:] if args is None else args)
        sys.exit(self._run(words, name, Session(json="--json" in words)))

    def _run(self, words: list[str], name: str, session: Session) -> int:
        """Run one call and tell how it ended."""
        with signals() as interrupted:
            try:
                with self.make_context(name, words, obj=session) as context:
                    self.invoke(context)
                sys.stdout.flush()
            except click.exceptions.Exit as done:
                return done.exit_code
            except BaseException as error:
                return _end(ending_of(error, session, bool(interrupted)), session)
        return 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(len(name) for name in self.commands)
        for title, commands in COMMANDS.items():
            with formatter.section(title):
                rows = [(f"{c.name:{width}}", c.get_short_help_str(80)) for c in commands]
                formatter.write_dl(rows)


def _end(ending: Ending, session: Session) -> int:
    """Tell how the call ended; nothing here may fail, not even a closed pipe."""
    try:
        ending.tell(session)
        sys.stdout.flush()
    except (BrokenPipeError, KeyboardInterrupt):
        ending.hush()
    return ending.exit_code


@click.group(
    "biolake",
    cls=Application,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[lake_option(), json_option(), at_option()],
    examples=["biolake init", "biolake ingest mimic-iv-demo-2.2", "biolake ingest --help"],
)
@click.version_option(__version__, prog_name="biolake")
def main() -> None:
    """Biolake keeps a hospital's data as one patient-linked, versioned lake.

    Data go to stdout, talk to stderr. Exit codes: 0 done, 1 failed, 2 wrong use, 3 something must
    be set up first, 4 data refused, 5 not permitted, 130 interrupted.
    """


for _commands in COMMANDS.values():
    for _command in _commands:
        main.add_command(_command)
