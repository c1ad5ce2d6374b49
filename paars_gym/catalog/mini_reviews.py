"""Invented reviews of the catalog ``mini``: the more stars, the more praise; the fewer, the more gripes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paars_gym.catalog.product import Review

TITLES: dict[int, tuple[str, ...]] = {
    5: ("Love it", "Excellent", "Exactly what I wanted", "Would buy again", "Could not be happier", "Perfect", "Great"),
    4: ("Very good", "Good, with a small catch", "Happy with it", "Nearly perfect", "Good value", "Solid"),
    3: ("It is okay", "Mixed feelings", "Average", "Does the job", "Fine, not more"),
    2: ("Not great", "Expected more", "Below average", "Hoped for better", "Would not buy again"),
    1: ("Disappointed", "Sent it back", "Do not bother", "Waste of money", "Terrible", "Avoid"),
}
OPENERS: dict[int, tuple[str, ...]] = {
    5: (
        "I love {this} {noun}:",
        "Excellent from day one:",
        "After two months still wonderful:",
        "Bought as a gift, and a great success:",
        "Best purchase this year:",
        "I was sceptical, now I am delighted:",
    ),
    4: ("Very good overall:", "Happy with my purchase:", "A good buy:", "Does what I hoped:", "Nice {noun}:"),
    3: ("It is okay:", "Neither good nor bad:", "Mixed feelings about {this} {noun}:", "For the price it is fair:"),
    2: ("Not what I hoped for:", "I expected more:", "A let-down:", "I would not buy {this} {noun} again:"),
    1: (
        "Very disappointed:",
        "Sent back after two days:",
        "Terrible quality:",
        "A waste of money:",
        "Do not buy this:",
    ),
}
CLOSERS: dict[int, tuple[str, ...]] = {
    5: ("", "Highly recommended.", "Already ordered a second.", "Worth every penny.", "Delivery was quick too.", ""),
    4: ("", "Would recommend.", "I would buy again.", ""),
    3: ("", "You get what you pay for.", "Good enough for now.", ""),
    2: ("", "I will look elsewhere next time.", "Customer service offered a discount.", ""),
    1: ("", "Asked for a refund.", "Save your money.", "Straight back to the shop."),
}


Pick = Callable[[Sequence[str]], str]


def write_review(stars: int, noun: str, praise: Sequence[str], gripes: Sequence[str], pick: Pick, votes: int) -> Review:
    """A review whose words match its stars.

    Args:
        stars: 1 to 5.
        noun: What is reviewed, for example ``kettle``.
        praise: Clauses that praise such a product.
        gripes: Clauses that complain of one.
        pick: Draws one of several.
        votes: How many found it helpful.
    """
    good = pick(praise)
    bad = pick([clause for clause in gripes if not _same_subject(clause, good)])
    if stars == 5:
        body = f"{good}, and {pick([clause for clause in praise if clause != good])}."
    elif stars == 4:
        body = f"{good}." + pick(("", "", f" My only complaint: {bad}."))
    elif stars == 3:
        body = f"{good}, but {bad}."
    elif stars == 2:
        body = f"{bad}." + pick(("", f" At least {good}."))
    else:
        body = f"{bad}, and {pick([clause for clause in gripes if clause != bad])}."
    this = "these" if noun.endswith("s") and not noun.endswith("ss") else "this"
    text = f"{pick(OPENERS[stars]).format(this=this, noun=noun)} {body} {pick(CLOSERS[stars])}".strip()
    return Review(rating=stars, title=pick(TITLES[stars]), text=text, helpful_votes=votes)


def _same_subject(left: str, right: str) -> bool:
    # "The sound is clear, but the sound is thin" is no opinion.
    return left.startswith("the ") and left.split()[1] == right.split()[1]
