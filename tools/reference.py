"""Write the reference pages that follow from the code: commands, tables, extensions, checks.

python tools/reference.py            writes them
python tools/reference.py --check    fails when a page is not what the code says
"""

from __future__ import annotations

import csv
import inspect
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pyarrow as pa

from biolake.cli.app import COMMANDS, main
from biolake.core.assets import EncoderInput, FoundCode, SignalInput, TextInput, TileInput
from biolake.core.catalogue import Extension, Kind, discover
from biolake.ingest.mapping import functions
from biolake.lake.quality import Threshold, shipped_thresholds
from biolake.lake.transaction import SCHEMAS

DOCS = Path(__file__).resolve().parent.parent / "docs"
MEANINGS = DOCS / "reference" / "columns.csv"
_TYPES = {"timestamp[us]": "timestamp", "list<element: string>": "list of text", "string": "text"}
_FUNCTIONS = (
    ("Operators", functions._OPERATORS),
    ("Text", functions._TEXT),
    ("Numbers", functions._NUMBERS),
    ("Times", functions._TIMES),
    ("Choices, lists, JSON", functions._CHOICES),
    ("Types", functions._TYPES),
)


def pages() -> dict[Path, str]:
    """Return every page as the code says it must be."""
    reference = DOCS / "reference"
    return {
        reference / "command-line.md": command_line(),
        reference / "tables.md": tables(meanings()),
        reference / "signals-and-images.md": signals_and_images(),
        reference / "mapping.md": filled(reference / "mapping.md", "functions", function_lists()),
        DOCS / "explain" / "quality.md": filled(
            DOCS / "explain" / "quality.md", "checks", checks(shipped_thresholds())
        ),
    }


def command_line() -> str:
    lines = [
        "# Command line",
        "",
        "Made from the commands themselves by `python tools/reference.py`. These options work with"
        " every command, before or after its name:",
        "",
        *_options(main),
        "",
        "`--at` works with the commands that read. Data go to stdout, talk goes to stderr. See"
        " [exit codes and errors](exit-codes-and-errors.md) and [JSON envelope](json-envelope.md).",
    ]
    for title, commands in COMMANDS.items():
        lines += ["", f"## {title}"]
        for command in commands:
            lines += _command(command, ["biolake"])
    return "\n".join(lines) + "\n"


def _command(command: click.Command, path: list[str]) -> Iterator[str]:
    path = [*path, str(command.name)]
    if isinstance(command, click.Group):
        for each in command.commands.values():
            yield from _command(each, path)
        return
    usage = " ".join([*path, *(_argument(p) for p in _params(command, click.Argument))])
    yield from ("", f"### {' '.join(path)}", "", (command.help or "").strip(), "")
    usage = f"{usage} [OPTIONS]" if _options(command) else usage
    yield from ("```console", *dict.fromkeys([usage, *getattr(command, "examples", ())]), "```")
    if options := _options(command):
        yield from ("", *options)


def _argument(argument: click.Parameter) -> str:
    name = argument.make_metavar(click.Context(main))
    return name + ("..." if argument.nargs == -1 and not name.endswith("...") else "")


def _params(command: click.Command, kind: type[click.Parameter]) -> list[click.Parameter]:
    return [p for p in command.params if isinstance(p, kind)]


def _options(command: click.Command) -> list[str]:
    """Return a command's own options as rows; those of every command stand at the top."""
    shared = {"lake", "json", "at"} if command is not main else set()
    found = [p for p in _params(command, click.Option) if p.name not in shared]
    rows = [row for option in found if (row := option.get_help_record(click.Context(command)))]
    if not rows:
        return []
    lines = ["| option | |", "|---|---|"]
    return lines + [f"| `{_cell(name)}` | {_cell(text)} |" for name, text in rows]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def meanings() -> dict[tuple[str, str], str]:
    """Return (table, column) → what it means; the column of a table's own meaning is empty."""
    rows = csv.DictReader(MEANINGS.read_text(encoding="utf-8").splitlines())
    return {(row["table"], row["column"]): row["meaning"] for row in rows}


def tables(meaning: dict[tuple[str, str], str]) -> str:
    lines = [
        "# Tables",
        "",
        "Made from the schema and [columns.csv](columns.csv) by `python tools/reference.py`."
        " Each is a Delta table of Parquet files. What times and units mean:"
        " [time and units](../explain/time-and-units.md).",
    ]
    for name, schema in SCHEMAS.items():
        lines += ["", f"## {name}", "", meaning[name, ""], ""]
        lines += ["| column | type | empty | meaning |", "|---|---|---|---|"]
        lines += [_column(name, field, meaning) for field in schema]
    return "\n".join(lines) + "\n"


def _column(table: str, field: pa.Field, meaning: dict[tuple[str, str], str]) -> str:
    said = meaning.get((table, field.name)) or meaning["*", field.name]
    kind = _TYPES.get(str(field.type), str(field.type))
    return f"| `{field.name}` | {kind} | {'may be' if field.nullable else ''} | {said} |"


def signals_and_images() -> str:
    lines = [
        "# Readers, extractors and encoders of signals and images",
        "",
        "Made from the extensions themselves by `python tools/reference.py`. What may be concluded:"
        " [signals and images](../explain/signals-and-images.md). An extra is installed by"
        " `pip install 'biolake[NAME]'`.",
        *_extensions("Readers", "asset-reader"),
        *_extensions("Extractors", "extractor"),
        *_extensions("Encoders", "encoder"),
    ]
    return "\n".join(lines) + "\n"


def _extensions(title: str, kind: Kind) -> Iterator[str]:
    found = discover("biolake.readers", "biolake.extractors", "biolake.encoders").of(kind)
    yield from ("", f"## {title}")
    for each in sorted(found, key=lambda one: one.name):
        if each.module.startswith("biolake."):
            yield from ("", f"### {each.name}", "", f"{each.title}. {_needed(each)}".strip(), "")
            yield inspect.cleandoc(each.doc)
            yield from _codes(each.codes)


def _needed(each: Extension) -> str:
    said = [f"reads `{each.needs}`"] if each.needs else []
    said += [f"extra `{each.extra}`"] if each.extra else []
    if each.inputs is not None:
        said.append(f"gives {each.dimension:,} numbers {_inputs(each.inputs)}")
        said.append(f"licence of the weights: {each.licence}")
    if each.kind != "asset-reader":
        said.append(f"version {each.version}")
    text = "; ".join(said)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _inputs(wanted: EncoderInput) -> str:
    if isinstance(wanted, SignalInput):
        leads = f"{len(wanted.leads)} leads at {wanted.rate:g} Hz"
        return f"for each {wanted.seconds:g} s of {leads}"
    if isinstance(wanted, TileInput):
        return f"for each tile of {wanted.size} pixels at {wanted.mpp:g} µm, at most {wanted.most}"
    if isinstance(wanted, TextInput):
        return "for each chunk of a note"
    return f"for a picture of {wanted.size} × {wanted.size}"


def _codes(codes: Sequence[FoundCode]) -> Iterator[str]:
    if codes:
        yield from ("", "| code | unit | meaning | kind of |", "|---|---|---|---|")
    for code in codes:
        unit = f"`{code.unit}`" if code.unit else ""
        parents = " ".join(f"`{parent}`" for parent in code.parents)
        yield f"| `{code.code}` | {unit} | {_cell(code.description)} | {parents} |"


def function_lists() -> str:
    rows = [f"| {name} | {_code(words.split())} |" for name, words in _FUNCTIONS]
    return "\n".join(["| kind | allowed |", "|---|---|", *rows])


def _code(words: list[str]) -> str:
    return " ".join(f"`{word}`" for word in words).replace("|", "\\|")


def checks(limits: dict[str, Threshold]) -> str:
    rows = [
        f"| {t.check} | {t.kind} | {t.meaning} | {t.warn:g} | {t.fail:g} | {t.least} |"
        for t in limits.values()
    ]
    head = "| check | kind | counts | warn above | fail above | least |"
    return "\n".join([head, "|---|---|---|---|---|---|", *rows])


def filled(page: Path, name: str, content: str) -> str:
    """Return a page with its part between `<!-- name -->` and `<!-- end -->` written anew."""
    text = page.read_text(encoding="utf-8")
    part = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    return part.sub(lambda found: f"{found[1]}{content}\n{found[2]}", text)


def run(words: list[str]) -> int:
    """Write every page that differs; with --check, only name them."""
    written = {page: page.read_text("utf-8") if page.exists() else "" for page in pages()}
    stale = [(page, text) for page, text in pages().items() if written[page] != text]
    for page, text in stale:
        sys.stdout.write(f"{page.relative_to(DOCS.parent)}\n")
        if "--check" not in words:
            page.write_text(text, encoding="utf-8")
    return int("--check" in words and bool(stale))


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
