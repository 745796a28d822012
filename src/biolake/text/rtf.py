"""The text of an RTF document (Microsoft, Rich Text Format 1.9): its words, without its looks."""

from __future__ import annotations

import codecs
import re

from biolake.core.errors import SourceUnreadable

_TOKEN = re.compile(
    rb"\\([a-z]{1,32})(-?[0-9]{1,10})? ?"
    rb"|\\'([0-9a-fA-F]{2})|\\([^a-z])|([{}])|[\r\n]+|([^\\{}\r\n]+)",
    re.DOTALL,
)
# Groups that hold no text of the document itself.
_UNSEEN = frozenset(
    b"fonttbl colortbl stylesheet info pict object header footer headerl headerr headerf footerl"
    b" footerr footerf listtable listoverridetable generator themedata colorschememapping datastore"
    b" latentstyles rsidtbl xmlnstbl fldinst bkmkstart bkmkend nonshppict".split()
)
_WORDS = {
    b"par": "\n", b"line": "\n", b"sect": "\n", b"page": "\n", b"row": "\n", b"cell": "\t",
    b"tab": "\t", b"emdash": "\u2014", b"endash": "\u2013", b"bullet": "\u2022",
    b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c", b"rdblquote": "\u201d",
}  # fmt: skip
_SIGNS = {
    b"~": "\u00a0",
    b"_": "\u2011",
    b"\\": "\\",
    b"{": "{",
    b"}": "}",
    b"\n": "\n",
    b"\r": "\n",
}
_DEEPEST = 1000


def rtf_text(data: bytes) -> str:
    """Return the text of an RTF document; raise `SourceUnreadable` where it is none."""
    if not data.lstrip().startswith(b"{\\rtf"):
        raise SourceUnreadable("it is no RTF document")
    page = re.search(rb"\\ansicpg([0-9]{1,5})", data[:4096])
    return _Reading(_code_page(page.group(1).decode() if page else "1252")).of(data)


def _code_page(number: str) -> str:
    name = {"65001": "utf-8", "936": "gb18030", "10000": "mac-roman"}.get(number, f"cp{number}")
    try:
        return codecs.lookup(name).name
    except LookupError:
        raise SourceUnreadable("its code page is not known") from None


def _whole(text: str) -> str:
    """Join the halves of characters beyond 16 bits, which RTF writes one by one."""
    try:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le")
    except UnicodeDecodeError:
        raise SourceUnreadable("half a character in the RTF document") from None


class _Reading:
    """One pass over the tokens: text, and for each open group whether it is seen."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._text: list[str] = []
        self._bytes = bytearray()
        self._groups: list[tuple[bool, int]] = []
        self._seen, self._after = True, 1  # after: characters that stand for one `\u`
        self._pass = 0

    def of(self, data: bytes) -> str:
        for match in _TOKEN.finditer(data):
            word, number, byte, sign, brace, plain = match.groups()
            if brace:
                self._brace(brace)
            elif word:
                self._word(word, number)
            elif byte:
                self._raw(bytes([int(byte, 16)]))
            elif sign:
                self._sign(sign)
            elif plain:
                self._raw(plain)
        self._flush()
        if self._groups:
            raise SourceUnreadable("the RTF document is cut short")
        return _whole("".join(self._text))

    def _brace(self, brace: bytes) -> None:
        self._flush()
        self._pass = 0
        if brace == b"{":
            self._groups.append((self._seen, self._after))
            if len(self._groups) > _DEEPEST:
                raise SourceUnreadable("the RTF document is nested too deeply")
        elif not self._groups:
            raise SourceUnreadable("the RTF document has a brace too many")
        else:
            self._seen, self._after = self._groups.pop()

    def _word(self, word: bytes, number: bytes | None) -> None:
        if word == b"u" and number:
            self._flush()
            self._say(chr(int(number) % 65536))
            self._pass = self._after
        elif word == b"uc" and number:
            self._after = min(int(number), 16) if int(number) >= 0 else 1
        elif word == b"bin" and number and int(number):
            raise SourceUnreadable("the RTF document holds binary data")
        elif word in _UNSEEN:
            self._seen = False
        elif word in _WORDS:
            self._flush()
            self._say(_WORDS[word])

    def _sign(self, sign: bytes) -> None:
        if sign == b"*":
            self._seen = False
        elif sign in _SIGNS:
            self._flush()
            self._say(_SIGNS[sign])

    def _raw(self, data: bytes) -> None:
        passed = min(self._pass, len(data))
        self._pass -= passed
        if self._seen:
            self._bytes += data[passed:]

    def _say(self, text: str) -> None:
        if self._seen:
            self._text.append(text)

    def _flush(self) -> None:
        if self._bytes:
            try:
                self._text.append(self._bytes.decode(self._encoding))
            except UnicodeDecodeError:
                raise SourceUnreadable("a character is none of its code page") from None
            self._bytes.clear()
