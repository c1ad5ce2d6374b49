"""Whether a product can be bought, out of what shops write: counts, truth values, words, schema.org's names."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Literal

from paars_gym.ingest.cells import UnreadableError, clean_text

StockStatus = Literal["in stock", "preorder", "backorder", "sold out", ""]

# Read in this order: "not available" and "out of stock" contain what says the contrary.
_PREORDER = r"pre ?orders?\b|pre ?sale|vorbestell|pre ?commande|preventa|reservable|prenota"
_BACKORDER = (
    r"back ?order(?!s? (?:not|un))|made to order|on (?:order|request|demand)"
    r"|auf bestellung|auf anfrage|ruckstand|sur commande|bajo pedido|available to order"
)
_SOLD_OUT = (
    r"unavailable|available soon|notify me|wait ?list"
    r"|out ?of ?(?:stock|sale)|sold ?out|\boos\b|discontinued|no longer|reserved|coming soon|expired"
    r"|\b(?:not|non|no|never|nicht|kein|keine|pas|sin|aucun|zero|0)\b.*(?:available|stock|for sale|sold|lager|verfugbar"
    r"|lieferbar|vorratig|disponible|disponibile|existencias|orderable|purchas)"
    r"|ausverkauft|vergriffen|ausgelistet|nicht mehr|epuise|rupture|indisponible|agotad[oa]|descatalogad[oa]|esaurito"
    r"|uitverkocht|esgotado|indisponivel|slutsald|utsolgt|udsolgt|loppu(?:nut)?\b|\bbrak\b|niedostepn|vyprodano"
    r"|\bнет\b|распродан|закончил|stokta yok|tukendi|売り切れ|在庫(?:なし|切れ)|品切れ|完売|缺货|缺貨|售罄|售完"
    r"|无货|無貨|품절"
    r"|غير متوفر|نفد|\b(?:inactive|disabled|archived|deleted|hidden)\b"
)
_IN_STOCK = (
    r"in ?stock|available|availability|ships|dispatch|left\b|order|limited|add to cart|online ?only"
    r"|in ?store ?only|few|low stock"
    r"|lager|lieferbar|verfugbar|vorratig|sofort|en stock|disponible|disponibile|op voorraad|expedie|en existencia"
    r"|\b(?:active|buyable|stocked|ready)\b|disponivel|na stanie|dostepn|skladem|в наличии|есть|stokta|varastossa"
    r"|在庫|有货|有貨|现货|現貨|재고|متوفر"
)
_PATTERNS: tuple[tuple[StockStatus, re.Pattern[str]], ...] = (
    ("sold out", re.compile(_SOLD_OUT)),
    ("preorder", re.compile(_PREORDER)),
    ("backorder", re.compile(_BACKORDER)),
    ("in stock", re.compile(_IN_STOCK)),
)
_YES = {"true", "yes", "y", "t", "ja", "oui", "si", "x"}
_NO = {"false", "no", "n", "f", "nein", "non"}
_ACCENTS = str.maketrans("äöüéèêàçíóúñáïãõâôşığåøęýžščř", "aoueeeaciounaiaoaosigaoeyzscr")


def read_stock(value: Any) -> StockStatus:
    """The stock status that a cell tells; empty when it tells nothing.

    Args:
        value: A truth value, a count (0 and less are sold out), or words: "in_stock", "not_available", "PreOrder",
            "https://schema.org/BackOrder", "Nicht vorrätig", "Only 3 left".

    Raises:
        UnreadableError: Words that say neither that it can be bought nor that it cannot.
    """
    if isinstance(value, (bool, int, float)) and value == value:  # noqa: PLR0124  (NaN)
        return "sold out" if value <= 0 else "in stock"
    return _read_text(clean_text(value))


@lru_cache(maxsize=4096)
def _read_text(text: str) -> StockStatus:
    if "/" in text:
        text = re.sub(r"^\s*(?:https?://)?(?:www\.)?(?:schema\.org|purl\.org/goodrelations/v1#?)/", "", text)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold().translate(_ACCENTS)
    count = re.sub(r"(?<=\d)[., ](?=\d{3}\b)", "", text)
    if re.fullmatch(r"[-+]?\d+(?:[.,]\d+)?\+?", count):
        return "sold out" if count.startswith("-") or not re.search(r"[1-9]", count) else "in stock"
    text = re.sub(r"[\s_\-–]+", " ", text).strip(" .!")
    if not text:
        return ""
    if text in _YES:
        return "in stock"
    if text in _NO:
        return "sold out"
    status = next((status for status, pattern in _PATTERNS if pattern.search(text)), None)
    if status is None:
        raise UnreadableError("says neither that it can be bought nor that it cannot", instead=True)
    return status
