"""Which of a feed's columns is which field of a product, by the words that shops write into headers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from paars_gym.ingest.prices import CODES
from paars_gym.ingest.shaping import filled

# Most telling name first, as compared by `folded_name`: English, then German, French, Spanish.
ALIASES: dict[str, tuple[str, ...]] = {
    "id": (
        "id", "productid", "sku", "asin", "parentasin", "itemid", "uid", "uniqid", "articleid", "gtin", "handle", "pid",
        "productcode", "itemcode", "itemnumber", "itemno", "articlenumber", "productnumber", "ean", "upc", "isbn",
        "barcode", "mpn", "artikelnummer", "artikelnr", "artnr", "artikelid", "produktid", "produktnummer",
        "bestellnummer", "bestellnr", "identifiant", "idproduit", "codearticle", "codeproduit", "reference", "ref",
        "refproduit", "stockcode", "code", "商品id", "商品コード", "商品番号", "商品编号",
        "артикул", "urunkodu", "idproducto", "idarticulo", "codigo", "codigoproducto", "referencia",
    ),
    "title": (
        "title", "name", "producttitle", "productname", "itemname", "displayname", "titel", "bezeichnung",
        "produktname", "artikelname", "artikelbezeichnung", "produkttitel", "produktbezeichnung", "titre", "nom",
        "nomduproduit", "nomproduit", "libelle", "designation", "intitule", "titulo", "nombre", "nombreproducto",
        "nombredelproducto", "nombrearticulo", "denominacion", "product", "produkt", "artikel", "produit", "article",
        "naam", "productnaam", "nome", "nazwa", "namn", "urunadi", "название", "наименование", "商品名",
        "商品名称", "商品名稱", "标题", "標題", "الاسم", "नाम", "producto", "articulo",
    ),
    "category": (
        "category", "categories", "categorypath", "productcategory", "categoryhierarchy", "producttype",
        "googleproductcategory", "breadcrumbs", "breadcrumb", "department", "maincategory", "categorytree",
        "productcategorytree", "categoryname", "kategorie", "kategorien", "kategoriepfad", "produktkategorie",
        "warengruppe", "produktgruppe", "categorie", "rayon", "famille", "categoria", "familia", "seccion",
        "kategoria", "kategori", "категория", "カテゴリ", "カテゴリー", "分类", "类别", "分類", "الفئة", "श्रेणी",
    ),
    "brand": (
        "brand", "brandname", "productbrand", "manufacturer", "vendor", "store", "maker", "marke", "hersteller",
        "marque", "fabricant", "marca", "fabricante", "merk", "marka", "бренд", "ブランド", "メーカー", "品牌",
        "العلامة التجارية", "ब्रांड",
    ),
    "sale_price": (
        "saleprice", "discountedprice", "discountprice", "specialprice", "offerprice", "dealprice", "promoprice",
        "promotionprice", "promotionalprice", "reducedprice", "angebotspreis", "aktionspreis", "sonderpreis",
        "rabattpreis", "reduzierterpreis", "prixpromo", "prixpromotionnel", "prixsolde", "prixremise", "prixreduit",
        "preciooferta", "preciodeoferta", "preciorebajado", "preciopromocional", "preciocondescuento",
        "preciodescuento",
    ),
    "sale_starts": ("salestarts", "salestart", "salestartdate", "datesalepricestarts", "salepricestartdate"),
    "sale_ends": ("saleends", "saleend", "saleenddate", "datesalepriceends", "salepriceenddate"),
    "price": (
        "currentprice", "finalprice", "sellingprice", "sellprice", "price", "pricing", "salesprice", "unitprice",
        "priceamount", "itemprice", "productprice", "retailprice", "regularprice", "normalprice", "baseprice",
        "listprice", "actualprice", "originalprice", "mrp", "maximumretailprice", "rrp", "msrp", "verkaufspreis",
        "endpreis", "bruttopreis", "preis", "stuckpreis", "einzelpreis", "normalpreis", "regularerpreis",
        "listenpreis", "uvp", "prixdevente", "prix", "prixttc", "prixunitaire", "prixnormal", "prixregulier",
        "precioventa", "preciodeventa", "preciofinal", "precio", "preciounitario", "pvp", "precionormal",
        "precioregular", "ourprice", "pricenow", "prijs", "prezzo", "cena", "preco", "pris", "fiyat", "цена", "価格",
        "販売価格",
        "价格", "售价", "價格", "السعر", "मूल्य", "कीमत",
    ),
    "currency": (
        "currency", "currencycode", "pricecurrency", "wahrung", "waehrung", "devise", "monnaie", "moneda", "divisa",
    ),
    "rating": (
        "rating", "averagerating", "avgrating", "stars", "reviewaverage", "meanrating", "overallrating", "ratingvalue",
        "reviewrating", "bewertung", "sterne", "durchschnittsbewertung", "note", "notemoyenne", "valoracion",
        "puntuacion", "calificacion",
    ),
    "rating_count": (
        "ratingcount", "ratingnumber", "numberofratings", "ratingscount", "totalratings", "totalreviews",
        "reviewcount", "reviewscount", "numberofreviews", "numreviews", "noofratings", "noofreviews", "ratings",
        "anzahlbewertungen", "anzahlderbewertungen", "bewertungen", "nombredavis", "nombreavis", "nbavis",
        "numerodevaloraciones", "valoraciones", "numerodeopiniones", "opiniones",
    ),
    "popularity": ("popularity", "sales", "unitssold", "purchases", "orders", "verkaufe", "ventes", "ventas"),
    "bullets": ("bullets", "bulletpoints", "features", "productbulletpoint", "highlights", "aboutproduct"),
    "description": (
        "description", "productdescription", "fulldescription", "bodyhtml", "longdescription", "body",
        "shortdescription", "beschreibung", "produktbeschreibung", "artikelbeschreibung", "langbeschreibung",
        "langtext", "kurzbeschreibung", "descriptif", "descriptionproduit", "descriptionlongue", "descripcion",
        "descripcionproducto", "descripcionlarga",
    ),
    "attributes": (
        "attributes", "specifications", "specs", "details", "productinformation", "productfeatures",
        "productspecifications", "eigenschaften", "merkmale", "technischedaten", "caracteristiques", "fichetechnique",
        "caracteristicas", "especificaciones", "atributos",
    ),
    "options": ("options", "customizationoptions", "variants", "variations", "varianten", "variantes", "opciones"),
    "reviews": ("reviews", "customerreviews"),
    "available": (
        "available", "availability", "instock", "isinstock", "stock", "availabilitystatus", "stockstatus",
        "stocklevel", "stockquantity", "stockqty", "qtyinstock", "inventory", "inventoryquantity", "inventoryqty",
        "quantity", "qty", "outofstock", "isoutofstock", "soldout", "issoldout", "verfugbarkeit", "verfugbar",
        "lieferbarkeit", "lieferbar", "vorratig", "lagernd", "auflager", "lagerbestand", "bestand", "lager",
        "disponibilite", "disponible",
        "enstock", "quantite", "disponibilidad", "existencias", "inventario", "cantidad", "наличие", "stokdurumu",
        "stok", "在庫", "在庫数", "库存", "庫存",
    ),
}  # fmt: skip
FIRST_FILLED = ("price", "sale_price", "description")
"""Fields of which every known column counts, the first that is filled: no discount leaves its column empty."""
NEGATED = {"outofstock", "isoutofstock", "soldout", "issoldout"}
OWNERS = ("product", "item", "variant", "article", "artikel", "produkt", "produit", "producto")
"""Words before a known one that add nothing: "Variant Price", "item_name"."""
_CURRENCY = re.compile(rf"^(.*?)(?:in)?({'|'.join(code.casefold() for code in CODES)}|euros?|dollars?)$")
_SIGNS = {"€": "eur", "£": "gbp", "$": "usd", "₹": "inr", "¥": "jpy", "zł": "pln"}
_CODE_OF = {"euro": "EUR", "euros": "EUR", "dollar": "USD", "dollars": "USD"}
_TAXED = re.compile(r"(?:incl?(?:uding)?|inkl|with|ttc)(?:vat|tax|taxes|mwst|gst)?$")
_LOOKS = {
    "a price": re.compile(
        r"price|preis|prix|precio|prezzo|prijs|mrp|msrp|rrp|uvp|amount|betrag|cena|fiyat|цена|価格|价格"
    ),
    "a stock status": re.compile(r"stock|inventory|availab|verfug|lieferb|bestand|lager|dispon|existenc|soldout"),
    "an id": re.compile(
        r"(?:^|product|item|article|artikel|variant)(?:id|sku|nr|number|nummer|code)$"
        r"|^(?:sku|asin|ean|gtin|upc|isbn|mpn)\d*$"
    ),
}  # fmt: skip

_OWN_ID = re.compile(r"(?:[\W_](?:id|ID|Id)|[a-z]I[dD])$")
_OTHER_ID = re.compile(
    r"(?i)categor|brand|parent|store|user|image|vendor|seller|supplier|customer|department|tax|group"
)


class HeaderWords(NamedTuple):
    """What a header says.

    Attributes:
        columns: Field to its columns, most telling first; all but those of `FIRST_FILLED` have one.
        negated: Column of stock that says the contrary ("sold out"), or "".
        currency: ISO 4217 code that a price's header names ("price_eur"), or "".
    """

    columns: Mapping[str, tuple[str, ...]]
    negated: str = ""
    currency: str = ""


@lru_cache(maxsize=4096)
def folded_name(name: str) -> str:
    """A column's name without case, accents, punctuation and the prefix ``g:``."""
    for sign, code in _SIGNS.items():
        name = name.replace(sign, code)
    plain = unicodedata.normalize("NFKD", name.strip().casefold().removeprefix("g:"))
    return re.sub(r"[\W_]", "", "".join(char for char in plain if not unicodedata.combining(char)))


@lru_cache(maxsize=256)
def read_header(columns: tuple[str, ...]) -> HeaderWords:
    """The fields that columns are, by their names."""
    names: dict[str, str] = {}
    currencies: dict[str, str] = {}
    for column in columns:  # as written before what is left when an owner or a currency is taken away
        names.setdefault(folded_name(column), column)
    for column in columns:
        name = folded_name(column)
        names.setdefault(_TAXED.sub("", name), column)
        for owner in OWNERS:
            if name.startswith(owner):
                names.setdefault(name.removeprefix(owner), column)
        if (match := _CURRENCY.match(name)) and match[1]:
            for rest in (match[1], *(match[1].removeprefix(owner) for owner in OWNERS)):
                if rest in (*ALIASES["price"], *ALIASES["sale_price"]) and rest not in names:
                    names[rest] = column
                    currencies[column] = _CODE_OF.get(match[2], match[2].upper())
    found: dict[str, tuple[str, ...]] = {}
    for field, aliases in ALIASES.items():
        folded = map(folded_name, aliases)  # letters of other scripts have marks of their own
        known = tuple(dict.fromkeys(names[alias] for alias in folded if alias in names))
        if known:
            found[field] = known if field in FIRST_FILLED else known[:1]
    stock = found.get("available", ("",))[0]
    priced = [currencies.get(column, "") for field in ("sale_price", "price") for column in found.get(field, ())]
    return HeaderWords(found, stock if folded_name(stock) in NEGATED else "", priced[0] if priced else "")


def generic_fields(row: Mapping[str, Any]) -> dict[str, Any]:
    """Any feed: each field comes from the first column with a usual name for it (`ALIASES`), however capitalised."""
    words = read_header(tuple(row))
    raw: dict[str, Any] = {}
    for field, columns in words.columns.items():
        if len(columns) == 1:
            raw[field] = row[columns[0]]
        else:
            raw[field] = next((row[column] for column in columns if filled(row[column])), None)
    if words.negated:
        raw["available"] = negated(raw.get("available"))
    if words.currency and not raw.get("currency"):
        raw["currency"] = words.currency
    return raw


def negated(value: Any) -> Any:
    """The stock status that an answer to "sold out" stands for; an unknown one stays unknown."""
    text = str(value).strip().casefold()
    if text in {"true", "yes", "y", "1", "t", "ja", "oui", "si", "1.0"}:
        return False
    return True if text in {"false", "no", "n", "0", "f", "nein", "non", "0.0"} else value


def looks_like(columns: Iterable[str]) -> dict[str, str]:
    """Of some columns those whose names look like a price, a stock status or an id, and which of them."""
    found = {}
    for column in columns:
        name = folded_name(column)
        what = next((what for what, pattern in _LOOKS.items() if pattern.search(name)), None)
        if what is None and _OWN_ID.search(column) and not _OTHER_ID.search(column):
            what = "an id"
        if what is not None:
            found[column] = what
    return found
