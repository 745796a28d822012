"""Sets of files of one name (.bed .bim .fam; .pgen .pvar .psam), found whole or told why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from biolake.core.assets import FoundAsset, Surroundings, UnreadableFile
from biolake.core.errors import BiolakeError, SetupMissing, SourceUnreadable
from biolake.core.reading import SourceFile
from biolake.readers._genotypes.finding import declaration_beside


@dataclass(frozen=True)
class FileSets:
    """One kind of set: its endings, the first opens it; the packed ending that a file may have."""

    endings: tuple[str, ...]
    packed: dict[str, str]  # how a packed file ends → how its plain one does
    packing: str
    made: Callable[[list[SourceFile], SourceFile | None], FoundAsset]

    def stem(self, name: str) -> tuple[str, str]:
        """Split a file's name into its stem and which of the set it is; an empty ending: none."""
        plain = name
        for end, other in self.packed.items():
            if name.lower().endswith(end):
                plain = name[: -len(end)] + other
        ending = PurePosixPath(plain).suffix.lower()
        return (plain[: -len(ending)], ending) if ending in self.endings else (plain, "")

    def by_ending(self, names: Sequence[str]) -> dict[str, str]:
        """Return ending → name of the files of one set. Raises SourceUnreadable if one lacks."""
        found = {self.stem(name)[1]: name for name in names}
        missing = [part for part in self.endings if part not in found]
        if missing:
            raise SourceUnreadable(f"the set has no {missing[0]}", where=names[0])
        return found

    def find(
        self, files: Sequence[SourceFile], surroundings: Surroundings
    ) -> Iterator[FoundAsset | UnreadableFile]:
        """Yield one asset a set; a file whose set is not whole is refused by what is missing."""
        parts: dict[tuple[str, str], SourceFile] = {self.stem(f.name): f for f in files}
        for file in files:
            stem, ending = self.stem(file.name)
            missing = [other for other in self.endings if (stem, other) not in parts]
            if parts[stem, ending] is not file:
                reason = f"there is another file of this name, plain or {self.packing}"
                yield UnreadableFile(file, reason)
            elif missing:
                name = PurePosixPath(stem).name
                yield UnreadableFile(file, f"there is no {name}{missing[0]} beside it")
            elif ending == self.endings[0]:
                mine = [parts[stem, each] for each in self.endings]
                yield from self._found(mine, declaration_beside(file, surroundings))

    def _found(
        self, mine: list[SourceFile], declaration: SourceFile | None
    ) -> Iterator[FoundAsset | UnreadableFile]:
        try:
            yield self.made(mine, declaration)
        except SetupMissing:
            raise
        except BiolakeError as error:
            where = PurePosixPath(error.where).name
            for each in mine:
                reason = error.message + (f" ({where})" if where else "")
                yield UnreadableFile(each, reason)
