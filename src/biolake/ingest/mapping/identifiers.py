"""Which column names look like an identifier of a person: a draft makes no event of them."""

from __future__ import annotations

import re

# One number a person, the same at every hospital of a country.
_NATIONAL = re.compile(
    r"(.*_)?(ssn|social_?security.*|national_?(id|no|nr|number|identifier).*|passport.*|nhs_?(no|nr|number|num)?"
    r"|nino|personnummer|personal_?(id|no|nr|number)|cpr(_?(no|nr|number))?|identity_?card.*|id_?card.*"
    r"|tax_?(id|no|number)|medicare_?(id|no|number)?|mbi)"
)
_CONTACT = re.compile(
    r"(.*_)?(e?_?mail.*|(tele)?phone.*|tel|mobile.*|cell(_?(phone|no|number))?|fax.*|contact(_.*)?"
    r"|addr(ess)?.*|street.*|house_?(no|number)|city|town|zip(_?code)?|post_?(al_?)?code|latitude"
    r"|longitude|url|photo(graph)?s?|licen[cs]e.*|driver.*|iban|account.*"
    r"|(insurance|policy).*(id|no|nr|number))"
)
_NAME = re.compile(
    r"name|initials|surname|first|last|middle|maiden|next_?of_?kin"
    r"|(.*_)?(first|last|middle|maiden|family|given|full|sur|fore|nick)_?names?"
    r"|(.*_)?(patient|person|subject|member|mother|father|kin|guardian|physician|doctor|provider"
    r"|nurse|contact|spouse)s?_?names?"
)
_NUMBER = re.compile(r".*(id|uuid|guid|_no|_nr|_num|_?number)")
# What something is, not which one it is.
_KIND = re.compile(
    r".*(concept|item|code|type|kind|class|category|status|unit|test|drug|product|form|route|ward"
    r"|room|bed|department)_?(id|no|nr|num|number)"
    r"|.*(fluid|acid|covid|steroid|void|lipid|thyroid|rapid|solid|valid|paid)"
)


def is_national(name: str) -> bool:
    """Say whether a column names the person in a whole country: an identifier for linkage."""
    return bool(_NATIONAL.fullmatch(_plain(name)))


def is_identifier(name: str, *, lists_people: bool = False) -> bool:
    """Say whether a column looks like a number, a name or an address of one person or thing."""
    plain = _plain(name)
    if is_national(name) or _CONTACT.fullmatch(plain) or _NAME.fullmatch(plain):
        return True
    if lists_people and plain.endswith("name"):
        return True
    return bool(_NUMBER.fullmatch(plain)) and not _KIND.fullmatch(plain)


def may_number_rows(name: str) -> bool:
    """Say whether a column's name is one of a row's own number, and of nothing personal."""
    plain = _plain(name)
    personal = is_national(name) or _CONTACT.fullmatch(plain)
    return not personal and bool(re.fullmatch(r".*(id|key|_no|_nr|number)", plain))


def _plain(name: str) -> str:
    """Return `PhoneNumber` and `phone number` alike as `phone_number`."""
    apart = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip())
    return re.sub(r"\W+", "_", apart).strip("_").lower()
