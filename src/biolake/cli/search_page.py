"""What a search has found, as data and as a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType

    from biolake.search.likeness import Like
    from biolake.search.searching import Answer, Hit
    from biolake.search.suggesting import Behind

_SHOWN_ID = 12
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the lake's times have no zone
_TITLES = {
    "codes": "Codes",
    "notes": "Notes",
    "spans": "Found in notes",
    "assets": "Signals, images and other assets",
    "cohorts": "Cohorts",
    "studies": "Studies",
    "models": "Models",
}


def answer_data(answer: Answer, *, text: bool) -> dict[str, Any]:
    """Return one kind's answer; without `text` it holds nothing that a subject's note says."""
    return {
        "kind": answer.kind,
        "all_words": answer.all_words,
        "any_word": answer.any_word,
        "subjects": answer.subjects,
        "hits": [_hit(hit, text or answer.subjects is None) for hit in answer.hits],
    }


def _hit(hit: Hit, text: bool) -> dict[str, Any]:
    found: dict[str, Any] = {"id": hit.id, "score": round(hit.score, 6)}
    if hit.modality:
        found |= {"subject_id": hit.subject, "time": _moment(hit.time), "modality": hit.modality}
    # What an asset is made of, and which code was found, are no text of a subject.
    if text or hit.kind == "assets":
        found["title"] = hit.title
    hidden = () if text else ("section", "value", "unit", "kind")
    found["details"] = {key: value for key, value in hit.details.items() if key not in hidden}
    return found | {"why": _why(hit, text)}


def _why(hit: Hit, text: bool) -> dict[str, Any]:
    why: dict[str, Any] = {}
    if hit.words_place is not None:
        why["words"] = {
            "place": hit.words_place,
            "bm25": round(hit.words_score or 0.0, 4),
            "found": [
                {"field": one.field, "asked": one.asked, "start": one.start, "end": one.end}
                for one in hit.places
            ],
        }
    if hit.alike is not None:
        why["vector"] = {
            "place": hit.alike.place,
            "encoder": hit.alike.encoder,
            "cosine": round(hit.alike.cosine, 4),
            "chunk": hit.alike.item,
        }
    if text and hit.snippet is not None:
        why["snippet"] = {
            "field": hit.snippet.field,
            "start": hit.snippet.start,
            "text": hit.snippet.text,
            "marks": [list(mark) for mark in hit.snippet.marks],
            "marked": hit.snippet.marked(),
        }
    return why


def _moment(time: int | None) -> str | None:
    return None if time is None else (_EPOCH + timedelta(microseconds=time)).isoformat()


def behind_data(late: Behind) -> dict[str, Any]:
    return {"kind": late.kind, "built_at": late.built, "new": late.new, "gone": late.gone}


def like_data(one: Like) -> dict[str, Any]:
    return {
        "asset_id": one.asset_id,
        "cosine": round(one.cosine, 4),
        "modality": one.modality,
        "subject_id": one.subject,
        "time": _moment(one.time),
        "assets": one.assets,
    }


def words_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    for answer in data["results"]:
        if not answer["hits"]:
            continue
        yield Text(f"{_TITLES[answer['kind']]}: {_totals(answer)}", style="bold")
        yield ""
        for hit in answer["hits"]:
            yield from _hit_lines(answer["kind"], hit)
        yield ""
    empty = [answer["kind"] for answer in data["results"] if not answer["hits"]]
    if len(empty) == len(data["results"]):
        yield "Nothing was found."
    elif empty:
        yield f"Nothing in: {', '.join(empty)}."
    for word, near in data["did_you_mean"].items():
        yield f"Nothing holds '{word}'. Did you mean '{near}'?"
    yield from _behind(data["behind"], data["commit"])
    yield from data["notes"]


def _totals(answer: dict[str, Any]) -> str:
    from biolake.cli.pages import counted

    every, some = answer["all_words"], answer["any_word"]
    said = f"{every:,} with all that was asked for"
    if some != every:
        said += f", {some:,} with any of it"
    if answer["subjects"] is not None and some:
        said += f", of {counted(answer['subjects'], 'subject')}"
    return said


def _hit_lines(kind: str, hit: dict[str, Any]) -> Iterator[RenderableType]:
    from rich.text import Text

    yield Text.assemble((_name(kind, hit), "cyan"), "   ", _about(kind, hit))
    shown = hit["why"].get("snippet")
    if shown and not (kind in ("codes", "cohorts") and shown["field"] == "title"):
        yield Text(f"    {shown['marked']}", no_wrap=False)
    yield Text(f"    {_reasons(hit['why'])}", style="dim")


def _name(kind: str, hit: dict[str, Any]) -> str:
    return str(hit["id"][:_SHOWN_ID] if kind in ("notes", "spans", "assets") else hit["id"])


def _about(kind: str, hit: dict[str, Any]) -> str:
    told, details = [], hit["details"]
    if "time" in hit:
        told.append((hit["time"] or "no time")[:16].replace("T", " "))
        told.append(f"subject {hit['subject_id']}" if hit["subject_id"] else "subject not known")
    if kind == "spans":
        names = ("label", "code", "assertion", "temporality", "experiencer")
        told += [str(details[name]) for name in names if details.get(name)]
        told.append(f"characters {details['start']} to {details['end']}")
    elif kind == "notes":
        told += [word for word in (details.get("kind"), hit.get("title")) if word]
    elif kind == "assets":
        told.append(hit["title"])
    elif kind != "codes":
        told += [f"{key} {value}" for key, value in details.items()]
    return "   ".join(dict.fromkeys(told))


def _reasons(why: dict[str, Any]) -> str:
    """Say in one line why a hit is one."""
    said = []
    if "words" in why:
        words, by_field = why["words"], {}
        for one in words["found"]:
            by_field.setdefault(one["field"], Counter())[one["asked"]] += 1
        held = "; ".join(
            f"{field}: " + ", ".join(_times(word, n) for word, n in counts.items())
            for field, counts in by_field.items()
        )
        said.append(f"words: place {words['place']}, BM25 {words['bm25']:.2f} ({held})")
    if "vector" in why:
        near = why["vector"]
        said.append(f"vector: place {near['place']}, cosine {near['cosine']:.2f}")
    return "   ".join(said)


def _times(word: str, count: int) -> str:
    return word if count == 1 else f"{word} ×{count}"


def _behind(parts: list[dict[str, Any]], commit: int) -> Iterator[str]:
    """Say in a few lines which parts are of another commit; not of those that lack nothing."""
    from biolake.cli.pages import counted

    uncounted: dict[int, list[str]] = {}
    late = [one for one in parts if one["new"] != 0 or one["gone"]]
    for one in late:
        if one["new"] is None:
            uncounted.setdefault(one["built_at"], []).append(one["kind"])
            continue
        lacks = f"{counted(one['new'], 'asset')} not in it, {counted(one['gone'], 'row')} left out"
        yield f"The index of {one['kind']} is of commit {one['built_at']}: {lacks}."
    for built, kinds in uncounted.items():
        yield f"The index of {', '.join(kinds)} is of commit {built}, this is commit {commit}."
    if any(one["built_at"] < commit for one in late):
        yield "Bring it up to date: biolake index build"
    elif late:
        yield "An earlier commit is searched as far as the index of a later one still holds it."


def like_page(data: dict[str, Any]) -> Iterator[RenderableType]:
    from biolake.cli.pages import table

    what = "Subjects" if data["by_subject"] else "Assets"
    yield f"{what} like {data['like'][:_SHOWN_ID]}, by the vectors of {data['encoder']}:"
    if not data["found"]:
        yield "None fits."
        return
    more = [">assets compared"] if data["by_subject"] else []
    yield table(
        [">place", ">alike", "asset", "modality", "!time", ">subject", *more],
        (
            [
                place,
                f"{one['cosine']:.3f}",
                one["asset_id"][:_SHOWN_ID],
                one["modality"],
                (one["time"] or "")[:16].replace("T", " "),
                str(one["subject_id"] or "(not known)"),
                *([one["assets"]] if data["by_subject"] else []),
            ]
            for place, one in enumerate(data["found"], start=1)
        ),
    )
    if data["other_encoders"]:
        yield f"Compare by another encoder with --encoder: {', '.join(data['other_encoders'])}."
