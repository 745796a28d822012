"""Whose an asset or a sample is: what its identifier names, now or by the end of the load."""

from __future__ import annotations

from dataclasses import dataclass

from biolake.lake.asset_report import NEW_SYSTEM, AssetOptions
from biolake.lake.linkage import FORGOTTEN, Linkage


@dataclass(frozen=True, slots=True)
class Owner:
    """The subject that an identifier names, or the key under which it waits for one."""

    subject: int | None = None
    key: str | None = None
    ambiguous: bool = False
    forgotten: bool = False


SAMPLES = "sample"  # the system of the names that laboratories give their samples
NOBODY = Owner()
_GONE = Owner(forgotten=True)


class Owners:
    """Looks identifiers of asset files up, and notes which keys came to mean whom."""

    def __init__(self, linkage: Linkage, site: str, options: AssetOptions) -> None:
        self._linkage, self._site, self._options = linkage, site, options
        self.waiting: dict[str, set[int]] = {}  # waiting key → subjects that came to be known
        self._found: dict[tuple[str, str, bool], Owner] = {}
        self._known = -1

    def watch(self) -> None:
        """From now on, note under which keys something may have waited for each new identifier."""
        self._linkage.watch = self._note

    def _note(self, system: str, value: str, subject: int) -> None:
        for name in ("", system):
            key = self._linkage.waiting_key(self._site, value, name)
            self.waiting.setdefault(key, set()).add(subject)

    def of(self, identifier: str | None, system: str, listed: bool) -> Owner:
        """Return whom an identifier names. `listed`: a row of the source says so, not a file."""
        value = (identifier or "").strip()
        if not value:
            return NOBODY
        if len(self._linkage.new_rows) != self._known:  # what was looked up may be known by now
            self._found.clear()
            self._known = len(self._linkage.new_rows)
        asked = (value, system, listed)
        owner = self._found.get(asked)
        if owner is None:
            owner = self._found[asked] = self._of(value, system, listed)
        return owner

    def of_sample(self, name: str, system: str, listed: bool) -> Owner:
        """Return whom the name of a sample names.

        A name of no told system is a sample's, or an identifier of the records it lies beside:
        files number samples from 1, and elsewhere that would be somebody's record number.
        """
        return self.of(name, system if listed else system or SAMPLES, listed)

    def _of(self, value: str, system: str, listed: bool) -> Owner:
        linkage = self._linkage
        own = system or linkage.system.name
        if listed and own not in ("", NEW_SYSTEM):
            return self._registered(value, own, system)
        told = self._options.subject_system or system
        known = linkage.known_as(value, told)
        if told == SAMPLES and linkage.system.name:
            known |= linkage.known_as(value, linkage.system.name)
        if FORGOTTEN in known:
            return _GONE
        if len(known) == 1:
            return Owner(next(iter(known)))
        if known:
            return Owner(None, linkage.either(known), ambiguous=True)
        if listed or self._options.new_subjects:
            return self._registered(value, told or NEW_SYSTEM, system)
        return Owner(None, linkage.waiting_key(self._site, value, told))

    def _registered(self, value: str, system: str, told: str) -> Owner:
        """Return the subject that an identifier names, made new where unknown."""
        number = self._linkage.number_of(value, system)
        if number is None:
            return Owner(None, self._linkage.waiting_key(self._site, value, told))
        return _GONE if number == -1 else Owner(self._linkage.registry.ids[number])

    def meaning(self, key: str) -> tuple[int | None, str | None]:
        """Return the subject that a waiting key came to mean, and the key where it means no one.

        Where it means several, or one that was forgotten, the key says so.
        """
        who = self.waiting.get(key, set())
        if not who:
            return None, key
        if len(who) == 1 and FORGOTTEN not in who:
            return next(iter(who)), None
        return None, self._linkage.either(who)
