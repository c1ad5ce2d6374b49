"""What the schemas of the Universal Commerce Protocol, version 2026-04-08, ask of responses: facts, no schema file.

From https://ucp.dev (repository Universal-Commerce-Protocol/ucp, Apache License 2.0, tag v2026-04-08): the required
fields and the names of `source/schemas/shopping/*.json` and `types/*.json`, and the tools of
`source/services/shopping/mcp.openrpc.json`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

TOOLS = {
    "create_checkout": ("meta", "checkout"),
    "get_checkout": ("meta", "id"),
    "update_checkout": ("meta", "id", "checkout"),
    "complete_checkout": ("meta", "id", "checkout"),
    "cancel_checkout": ("meta", "id"),
    "create_cart": ("meta", "cart"),
    "get_cart": ("meta", "id"),
    "update_cart": ("meta", "id", "cart"),
    "cancel_cart": ("meta", "id"),
    "search_catalog": ("meta", "catalog"),
    "lookup_catalog": ("meta", "catalog"),
    "get_product": ("meta", "catalog"),
}
"""Tools with their parameters; the protocol has `get_order` as well, which this shop has not."""

# Of each type: required fields, other fields. A field's own type stands behind a colon, [] meaning a list of it.
SHAPES: dict[str, tuple[str, str]] = {
    "search_response": ("ucp:envelope products:product[]", "pagination:pagination messages:message[]"),
    "lookup_response": ("ucp:envelope products:lookup_product[]", "messages:message[]"),
    "get_product_response": ("ucp:envelope product:detail_product", "messages:message[]"),
    "cart": (
        "ucp:envelope id line_items:line_item[] currency totals:total[]",
        "context signals buyer messages:message[] links:link[] continue_url expires_at",
    ),
    "checkout": (
        "ucp:checkout_envelope id line_items:line_item[] status currency totals:total[] links:link[]",
        "buyer context signals messages:message[] expires_at continue_url payment order:order",
    ),
    "error_response": ("ucp:error_envelope messages:message[]", "continue_url"),
    "envelope": ("version", "status services capabilities payment_handlers"),
    "error_envelope": ("version status", "services capabilities payment_handlers"),
    "checkout_envelope": ("version payment_handlers", "status services capabilities"),
    "product": (
        "id title description:description price_range:price_range variants:variant[]",
        "handle url categories:category[] list_price_range media options:option[] rating:rating tags metadata",
    ),
    "lookup_product": (
        "id title description:description price_range:price_range variants:lookup_variant[]",
        "handle url categories:category[] list_price_range media options:option[] rating:rating tags metadata",
    ),
    "detail_product": (
        "id title description:description price_range:price_range variants:variant[]",
        "handle url categories:category[] list_price_range media options:detail_option[] rating:rating tags metadata "
        "selected:selected[]",
    ),
    "variant": (
        "id title description:description price:price",
        "sku barcodes handle url categories:category[] list_price unit_price availability:availability "
        "options:selected[] media rating:rating tags metadata seller",
    ),
    "lookup_variant": (
        "id title description:description price:price inputs:input[]",
        "sku barcodes handle url categories:category[] list_price unit_price availability:availability "
        "options:selected[] media rating:rating tags metadata seller",
    ),
    "description": ("", "plain html markdown"),
    "price": ("amount currency", ""),
    "price_range": ("min:price max:price", ""),
    "category": ("value", "taxonomy"),
    "rating": ("value scale_max", "scale_min count"),
    "option": ("name values:value[]", ""),
    "detail_option": ("name values:detail_value[]", ""),
    "value": ("label", "id"),
    "detail_value": ("label", "id available exists"),
    "selected": ("name label", "id"),
    "availability": ("", "available status"),
    "input": ("id", "match"),
    "pagination": ("has_next_page", "cursor total_count"),
    "line_item": ("id item:item quantity totals:total[]", "parent_id"),
    "item": ("id title price", "image_url"),
    "total": ("type amount", "display_text"),
    "order": ("id permalink_url", "label"),
    "message": ("type code content severity", "path content_type"),
    "link": ("type url", "title"),
}
STATUSES = {
    "incomplete",
    "requires_escalation",
    "ready_for_complete",
    "complete_in_progress",
    "completed",
    "canceled",
}
SEVERITIES = {"recoverable", "requires_buyer_input", "requires_buyer_review", "unrecoverable"}


def faults(content: Any, kind: str, place: str = "$") -> list[str]:
    """Where a response is not as the protocol has it."""
    if not isinstance(content, Mapping):
        return [f"{place}: no object"]
    required, others = (dict(word.partition(":")[::2] for word in words.split()) for words in SHAPES[kind])
    found = [f"{place}: lacks {name}" for name in required if name not in content]
    found += [f"{place}: has {name}" for name in content if name not in required | others]
    for name, inner in (required | others).items():
        if not inner or name not in content:
            continue
        where = f"{place}.{name}"
        if inner.endswith("[]"):
            for number, one in enumerate(content[name]):
                found += faults(one, inner.removesuffix("[]"), f"{where}[{number}]")
        else:
            found += faults(content[name], inner, where)
    return found + [f"{place}: {rule}" for rule in _broken_rules(content, kind)]


def _broken_rules(content: Mapping[str, Any], kind: str) -> list[str]:
    rules = {
        "totals": "totals" not in content
        or [one["type"] for one in content["totals"]].count("subtotal") == 1
        == [one["type"] for one in content["totals"]].count("total"),
        "version": "envelope" not in kind or bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", content.get("version", ""))),
        "error": kind != "error_envelope" or content.get("status") == "error",
        "messages": kind != "error_response" or bool(content.get("messages")),
        "currency": "currency" not in content or bool(re.fullmatch("[A-Z]{3}", content["currency"])),
        "amount": "amount" not in content or (type(content["amount"]) is int and content["amount"] >= 0),
        "price": kind != "item" or (type(content.get("price")) is int and content["price"] >= 0),
        "status": kind != "checkout" or content.get("status") in STATUSES,
        "severity": kind != "message" or (content.get("type") == "error" and content.get("severity") in SEVERITIES),
        "cursor": kind != "pagination" or not content.get("has_next_page") or "cursor" in content,
        "plain": kind != "description" or bool(content),
        "variants": "product" not in kind or "response" in kind or bool(content.get("variants")),
        "quantity": kind != "line_item" or content.get("quantity", 0) >= 1,
    }  # fmt: skip
    return [name for name, holds in rules.items() if not holds]
