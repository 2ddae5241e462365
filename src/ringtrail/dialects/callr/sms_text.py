"""What `force_encoding` GSM writes in place of characters that the GSM alphabet lacks.

[inferred], but for `«`, `€` and `ê`, which the vendor's documentation names: typographic marks are written with their plain
forms, Latin letters without what is above or below them; a text with any other character is refused rather than
crippled. Characters of GSM's extension table stay as they are, except the euro sign.
"""

from __future__ import annotations

import unicodedata

from ringtrail.model.message import Encoding, encoding_of

_MARKS: dict[str, str] = {
    "«": '"', "»": '"', "“": '"', "”": '"', "„": '"', "‟": '"', "″": '"', "‘": "'", "’": "'", "‚": "'", "‛": "'",
    "′": "'", "‹": "'", "›": "'", "´": "'", "`": "'", "‐": "-", "‑": "-", "‒": "-", "–": "-", "—": "-", "―": "-",
    "−": "-", "…": "...", "•": "-", "·": ".", "\u00a0": " ", "\u2009": " ", "\u202f": " ", "\u200b": "", "\ufeff": "",
    "€": "e", "©": "(c)", "®": "(r)", "™": "TM", "°": "o", "º": "o", "ª": "a", "²": "2", "³": "3", "¹": "1", "×": "x",
    "œ": "oe", "Œ": "OE", "ð": "d", "Ð": "D", "þ": "th", "Þ": "TH", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i",
    "ħ": "h", "Ħ": "H", "ŧ": "t", "Ŧ": "T", "ŋ": "n", "Ŋ": "N", "ĸ": "k", "ŀ": "l", "Ŀ": "L", "ŉ": "'n", "ſ": "s",
    "ĳ": "ij", "Ĳ": "IJ",
}  # fmt: skip


def _plain_letters() -> dict[str, str]:
    """Letters of Latin-1 Supplement and Latin Extended-A and -B, and of Vietnamese, that decompose into one that GSM has."""
    letters = {}
    for code in (*range(0xC0, 0x250), *range(0x1E00, 0x1F00)):
        plain = unicodedata.normalize("NFD", chr(code))[0]
        if encoding_of(chr(code)) is Encoding.UNICODE and encoding_of(plain) is Encoding.GSM:
            letters[chr(code)] = plain
    return letters


GSM_CONVERSIONS: dict[str, str] = _plain_letters() | _MARKS


def as_gsm(text: str) -> str | None:
    """None: there is a character that nothing stands for."""
    converted = text.translate(_TABLE)
    return converted if encoding_of(converted) is Encoding.GSM else None


_TABLE = str.maketrans(GSM_CONVERSIONS)
