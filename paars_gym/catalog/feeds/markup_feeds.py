"""Layouts of product data that shops publish for search engines: Google Merchant Center feeds, schema.org's JSON-LD."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from paars_gym.catalog.feeds.headers import folded_name
from paars_gym.ingest.cells import first_of
from paars_gym.ingest.shaping import filled

Raw = Mapping[str, Any]

_OPTIONS = {"color": "colour", "size": "size", "material": "material", "pattern": "pattern"}
_FACTS = ("condition", "gender", "agegroup", "gtin", "mpn", "sizetype", "sizesystem", "multipack", "isbundle")
GOOGLE_COLUMNS = frozenset(
    map(
        folded_name,
        (
            "id", "title", "description", "link", "mobile_link", "image_link", "additional_image_link",
            "lifestyle_image_link",
            "availability", "availability_date", "price", "sale_price", "sale_price_effective_date",
            "cost_of_goods_sold",
            "expiration_date", "unit_pricing_measure", "unit_pricing_base_measure", "google_product_category",
            "product_type", "brand", "gtin", "mpn", "identifier_exists", "condition", "adult", "multipack", "is_bundle",
            "age_group", "color", "gender", "material", "pattern", "size", "size_type", "size_system", "item_group_id",
            "product_length", "product_width", "product_height", "product_weight", "product_detail",
            "product_highlight", "ads_redirect", "custom_label_0", "custom_label_1", "custom_label_2", "custom_label_3",
            "custom_label_4", "promotion_id", "excluded_destination", "included_destination", "pause", "shipping",
            "shipping_label", "shipping_weight", "shipping_length", "shipping_width", "shipping_height",
            "ships_from_country", "max_handling_time", "min_handling_time", "tax", "tax_category", "installment",
            "subscription_cost", "maximum_retail_price", "short_title", "canonical_link", "energy_efficiency_class",
        ),
    )
)  # fmt: skip


def google_merchant(row: Raw) -> dict[str, Any]:
    """A Google Merchant Center feed: XML, or a table; names with ``g:`` or without, with blanks or underscores.

    Items of one ``item_group_id`` are variants of one product, whose id it is, told apart by colour, size, material
    and pattern. The sale price is the price while its effective date says so, and always without one. The shop's own
    product type is the category, Google's where there is none and it is written as a path.

    Source: support.google.com/merchants/answer/7052112 (product data specification)
    """
    cell = {folded_name(name): value for name, value in row.items()}
    group = cell.get("itemgroupid")
    starts, _, ends = str(cell.get("salepriceeffectivedate") or "").partition("/")
    kind, taxonomy = _only(cell.get("producttype")), _only(cell.get("googleproductcategory"))
    facts: dict[str, Any] = {name: cell[name] for name in _FACTS if filled(cell.get(name))}
    choice = {shown: (shown, cell[name]) for name, shown in _OPTIONS.items() if filled(cell.get(name))}
    if not filled(group):  # a product of one variant has nothing to choose
        facts |= {shown: value for shown, (_, value) in choice.items()}
        choice = {}
    for detail in _listed(cell.get("productdetail")):
        facts |= _detail(detail)
    if filled(cell.get("availabilitydate")):
        facts["available from"] = cell["availabilitydate"]
    return {
        "id": group if filled(group) else cell.get("id"),
        "title": cell.get("title"),
        "description": cell.get("description"),
        "bullets": cell.get("producthighlight"),
        "category": kind if filled(kind) else taxonomy if not str(taxonomy or "").strip().isdigit() else None,
        "brand": cell.get("brand"),
        "price": cell.get("price"),
        "sale_price": cell.get("saleprice"),
        "sale_starts": starts,
        "sale_ends": ends,
        "available": cell.get("availability"),
        "attributes": facts,
        "choice": choice,
        "variant": cell.get("id") if filled(group) else None,
    }


def _only(value: Any) -> Any:
    """The first of a repeated element."""
    return next(iter(value), None) if isinstance(value, list) else value


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if filled(value) else []


def _detail(detail: Any) -> dict[str, Any]:
    """A product detail, of an XML feed's elements or as a table writes it: ``section:name:value``, several by comma."""
    if isinstance(detail, Mapping):
        named = {folded_name(name).removeprefix("g"): value for name, value in detail.items()}
        named |= {folded_name(name): value for name, value in detail.items()}
        return {str(named["attributename"]): named.get("attributevalue")} if filled(named.get("attributename")) else {}
    parts = (part.split(":") for part in str(detail).split(","))
    return {part[-2].strip(): part[-1].strip() for part in parts if len(part) >= 2}


def schema_org_products(row: Raw) -> list[Raw]:
    """The products of a JSON-LD document: in its graph, its lists, its page, or itself.

    A ProductGroup is one product, with its variants.
    """
    return list(_products(row, 0))


def _products(node: Any, depth: int) -> Iterator[Raw]:
    if depth > 12:
        return
    if isinstance(node, list):
        for item in node:
            yield from _products(item, depth + 1)
    elif isinstance(node, Mapping):
        kinds = {str(kind).rsplit("/", 1)[-1].removeprefix("schema:") for kind in _listed(node.get("@type"))}
        if kinds & {"Product", "ProductGroup", "IndividualProduct", "ProductModel", "Vehicle", "Book"}:
            yield node
            return
        for name in ("@graph", "itemListElement", "item", "mainEntity", "mainEntityOfPage", "itemOffered", "offers"):
            if name in node:
                yield from _products(node[name], depth + 1)


def schema_org(row: Raw) -> dict[str, Any]:
    """One schema.org Product or ProductGroup, as JSON-LD.

    Offers may be one, several, or an AggregateOffer, whose low price is taken; several with different prices are
    variants. Its variants (``hasVariant``) differ in what ``variesBy`` names.

    Source: schema.org/Product, developers.google.com/search/docs/appearance/structured-data/product
    """
    variants = [variant for variant in _listed(row.get("hasVariant")) if isinstance(variant, Mapping)]
    offers = [offer for one in (row, *variants) for offer in _offers(one)]
    facts = {
        str(pair["name"]): pair.get("value")
        for pair in _listed(row.get("additionalProperty"))
        if isinstance(pair, Mapping) and filled(pair.get("name"))
    }
    differing = [str(name).rsplit("/", 1)[-1] for name in _listed(row.get("variesBy"))] or list(_OPTIONS)
    options = {}
    for name in differing:
        values = [_named(variant.get(name)) for variant in variants if filled(variant.get(name))]
        if values:
            options[_OPTIONS.get(name, name)] = list(dict.fromkeys(map(str, values)))
    for name in ("color", "size", "material", "pattern", "gtin13", "gtin", "mpn", "model"):
        if filled(row.get(name)) and _OPTIONS.get(name, name) not in options:
            facts[_OPTIONS.get(name, name)] = _named(row[name])
    rated = row.get("aggregateRating")
    rated = rated if isinstance(rated, Mapping) else {}
    fields: dict[str, Any] = {
        "id": first_of(row, "productGroupID", "sku", "productID", "gtin13", "gtin", "mpn", "@id", "url"),
        "title": row.get("name"),
        "description": row.get("description"),
        "category": _category(row.get("category")),
        "brand": _named(first_of(row, "brand", "manufacturer")),
        "rating": rated.get("ratingValue"),
        "rating_count": first_of(rated, "ratingCount", "reviewCount"),
        "attributes": facts,
        "options": options,
        "reviews": [_review(one) for one in _listed(first_of(row, "review", "reviews")) if isinstance(one, Mapping)],
    }
    if str(rated.get("bestRating") or "5") not in ("5", "5.0"):
        fields["rating"] = _of_five(rated)
    return {**fields, "offers": offers, "variants": [_variant(variant, differing) for variant in variants]}


def _variant(variant: Raw, differing: Sequence[str]) -> dict[str, Any]:
    offers = [offer for offer in _offers(variant) if filled(offer["price"])]
    named = {_OPTIONS.get(name, name): _named(variant.get(name)) for name in differing if filled(variant.get(name))}
    number = first_of(variant, "sku", "productID", "gtin13", "gtin", "mpn", "@id", "url")
    return {"variant": number, "choice": {name: (name, value) for name, value in named.items()}, **(offers or [{}])[0]}


def _offers(product: Raw) -> Iterator[dict[str, Any]]:
    for offer in _listed(product.get("offers")):
        if not isinstance(offer, Mapping):
            continue
        inner = [one for one in _listed(offer.get("offers")) if isinstance(one, Mapping)]
        if inner and not filled(first_of(offer, "lowPrice", "price")):
            for one in inner:
                yield _offer(one)
        else:
            yield _offer(offer)


def _offer(offer: Raw) -> dict[str, Any]:
    asked = [one for one in _listed(offer.get("priceSpecification")) if isinstance(one, Mapping)]
    asked = [one for one in asked if "StrikethroughPrice" not in str(one.get("priceType"))] or asked
    price = first_of(offer, "price", "lowPrice")
    return {
        "price": price if filled(price) else asked[0].get("price") if asked else None,
        "currency": first_of(offer, "priceCurrency") or (asked[0].get("priceCurrency") if asked else None),
        "available": _named(offer.get("availability")),
        "high": offer.get("highPrice"),
    }


def _review(review: Raw) -> dict[str, Any]:
    stars = review.get("reviewRating")
    rating = _of_five(stars) if isinstance(stars, Mapping) else stars
    return {"rating": rating, "title": review.get("name"), "text": first_of(review, "reviewBody", "description")}


def _of_five(rating: Raw) -> Any:
    """Stars of five, out of a rating that may have another best."""
    try:
        return float(rating["ratingValue"]) * 5 / float(rating.get("bestRating") or 5)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return rating.get("ratingValue")


def _named(value: Any) -> Any:
    """The name of a thing, or the text that stands in its place."""
    value = _only(value)
    return first_of(value, "name", "@id", "url", "value") if isinstance(value, Mapping) else value


def _category(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return _named(value)
