"""A shopper that chooses by likelihood: a language model says how likely each option's text is after the persona's.

PAARS section 4.3. The model follows no instruction and writes nothing, so that small ones carry signal. Each option is
scored alone: in which order they are shown makes no difference.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from paars_gym import prompts
from paars_gym.catalog.product import Product
from paars_gym.config import Condition
from paars_gym.llm.chat import untagged
from paars_gym.personas.history import shorten_history
from paars_gym.personas.persona import Persona, render
from paars_gym.sessions.event import Intention
from paars_gym.shop.actions import clean_text
from paars_gym.shoppers.protocol import check_condition, some
from paars_gym.shoppers.queries import content_words, draw_query
from paars_gym.shoppers.text_scorers import TextScorer, scorer_of

Array = NDArray[np.float64]
Rule = Literal["sum", "mean", "gain"]
Form = Literal["sentence", "chat"]
FORM: Form = "sentence"
RULE: Rule = "gain"
"""Form and rule are those that `benchmarks.likelihood_choice` fixed."""
HISTORY_TOKENS = 100
QUERIES = 8
"""Queries that one is chosen from."""
FIRST_WORDS = 5
KEEP = (0.7, 0.4)
"""Probabilities of a word of the title, in turn: those of `uniform`, and queries of two or three words."""


class LikelihoodShopper:
    """An `Answerer` that takes the option whose text a language model finds likeliest; ties by lot.

    It cannot act in the shop.

    Attributes:
        name: ``likelihood``.
        condition: What of the persona the model reads.
    """

    name = "likelihood"

    def __init__(
        self,
        scorer: TextScorer,
        condition: Condition = "persona",
        *,
        history_tokens: int = HISTORY_TOKENS,
        rule: Rule = RULE,
        form: Form = FORM,
    ) -> None:
        """Args:
            scorer: The model.
            condition: A row of Table 3.
            history_tokens: Of the persona's history, at most, the newest lines; a processor reads some hundred tokens
                a second.
            rule: What of the log-probabilities counts: their ``sum``, their ``mean`` a token, or the ``gain`` of the
                sum over that without any context but the question's last words. Queries are always scored by the sum.
            form: A plain ``sentence``, or a ``chat`` where the model has a template for one.

        Raises:
            ValueError: Unknown condition, rule or form, or fewer than one token.
        """
        if history_tokens < 1:
            raise ValueError(f"history_tokens == {history_tokens}, must be at least 1.")
        for name, value, kind in (("rule", rule, Rule), ("form", form, Form)):
            if value not in get_args(kind):
                raise ValueError(f"Unknown {name} {value!r}. Available: {', '.join(get_args(kind))}.")
        self.condition = check_condition(condition)
        self._scorer, self._history_tokens, self._rule, self._form = scorer, history_tokens, rule, form

    def reset(self, persona: Persona | None, intention: Intention | None, rng: np.random.Generator) -> None:
        """See `Shopper.reset`."""
        self._rng = rng
        self._who = who_is_told(persona, self.condition, self._history_tokens)

    async def write_query(self, product: Product) -> str:
        """The likeliest of some queries made of words of the title, as offline shoppers write them.

        By the sum, whatever the rule: every word of a title that was just read gains, and the longest query would win.
        """
        options, about = query_options(product.title, self._rng), {"products": product.title}
        return options[await self._likeliest(prompts.LIKELY_QUERY, options, about, rule="sum")]

    async def choose_item(self, products: Sequence[Product]) -> int:
        """The product whose title is likeliest after "bought"."""
        return await self._likeliest(prompts.LIKELY_ITEM, [_title(product) for product in some(products)])

    async def choose_view(self, query: str, results: Sequence[Product]) -> int:
        """The result whose title is likeliest after "opened"."""
        titles = [_title(product) for product in some(results)]
        return await self._likeliest(prompts.LIKELY_VIEW, titles, {"query": query})

    async def choose_next(self, done: Sequence[str], actions: Sequence[str]) -> int:
        """The likeliest action after what was done in the session.

        Args:
            done: Actions in the past tense, the last one last.
            actions: What can be done next, in words.
        """
        return await self._likeliest(prompts.LIKELY_NEXT, some(actions), {"done": "; then ".join(done)})

    async def _likeliest(
        self, asked: prompts.Likely, options: Sequence[str], about: Mapping[str, str] = {}, *, rule: Rule | None = None
    ) -> int:
        # Each text once and in an order of its own: neither order nor repetition can reach a score.
        told = [f" {self._plain(option) or '-'}\n" for option in options]
        texts = sorted(set(told))
        happened = asked.happened.format(**{name: self._plain(text) for name, text in about.items()})
        by_text = dict(zip(texts, await self._scores(asked._replace(happened=happened), texts, rule), strict=True))
        best = max(by_text.values())
        return int(self._rng.choice([place for place, text in enumerate(told) if by_text[text] == best]))

    async def _scores(self, asked: prompts.Likely, texts: Sequence[str], rule: Rule | None) -> list[float]:
        context, begun = asked_of(self._scorer, self._who, asked, self._form)
        logs = await _awaited(self._scorer.log_probs_after(context, texts))
        rule = rule or self._rule
        if rule == "mean":
            return [float(log.mean()) for log in logs]
        sums = [float(log.sum()) for log in logs]
        if rule == "sum":
            return sums
        alone = await _awaited(self._scorer.log_probs_after(begun, texts))
        return [told - float(log.sum()) for told, log in zip(sums, alone, strict=True)]

    def _plain(self, text: str) -> str:
        """Text of others on one line, that can close no tag and is no token of a chat."""
        return self._scorer.plain(untagged(clean_text(text)))


class LikelihoodShoppers:
    """Makes shoppers that share one language model: call it for each.

    Attributes:
        settings: What shapes the answers.
    """

    def __init__(self, make: Callable[[], LikelihoodShopper], scorer: TextScorer, settings: dict[str, Any]) -> None:
        self.settings = settings
        self._make, self._scorer = make, scorer

    def __call__(self) -> LikelihoodShopper:
        return self._make()

    async def aclose(self) -> None:
        """Closes the connections of a server's scorer."""
        if (aclose := getattr(self._scorer, "aclose", None)) is not None:
            await aclose()


def likelihood_shoppers(
    text_model: str,
    condition: Condition = "persona",
    *,
    history_tokens: int = HISTORY_TOKENS,
    rule: Rule = RULE,
    form: Form = FORM,
) -> LikelihoodShoppers:
    """What makes the shoppers of ``likelihood:…``.

    Args:
        text_model: ``smollm2``, a ``.gguf`` file, any causal model of the transformers library, or ``NAME@URL`` of a
            server that returns log-probabilities of given text.
        condition: A row of Table 3.
        history_tokens: See `LikelihoodShopper`.
        rule: Likewise.
        form: Likewise.

    Raises:
        ImportError: A package is missing; says how to install it.
        ValueError: No such file, or no such URL.
    """
    scorer = scorer_of(text_model)

    def make() -> LikelihoodShopper:
        return LikelihoodShopper(scorer, condition, history_tokens=history_tokens, rule=rule, form=form)

    make()  # what is wrong with an option is said now
    settings = {
        "text_model": scorer.name, "prompts": prompts.VERSION, "rule": rule, "form": form,
        "history_tokens": history_tokens,
    }  # fmt: skip
    return LikelihoodShoppers(make, scorer, settings)


def asked_of(scorer: TextScorer, who: str, asked: prompts.Likely, form: Form = FORM) -> tuple[str, str]:
    """What a text is scored after, and the words of it that the text follows.

    In a chat the model is told who it is in the system's turn, the user asks, and the model's own turn has begun; a
    model without a template for one reads the sentence.

    Args:
        scorer: The model.
        who: From `who_is_told`.
        asked: What happened, and what is asked.
        form: A plain sentence, or a chat.
    """
    who = scorer.plain(who)
    chat = scorer.as_chat(who, f"{asked.happened} {asked.question}") if form == "chat" else None
    if chat is not None:
        return f"{chat}{asked.answer}", asked.answer
    return f"{who}\n\n{asked.happened}\n{asked.sentence}", asked.sentence


def who_is_told(persona: Persona | None, condition: Condition, history_tokens: int = HISTORY_TOKENS) -> str:
    """What a question begins with: the persona under a condition, of its history the newest lines.

    Args:
        persona: None for nobody.
        condition: A row of Table 3.
        history_tokens: Of the history, at most, as `tokens_in` counts.
    """
    if persona is None or condition == "base":
        return prompts.NOBODY
    shown = persona.model_copy(update={"history": shorten_history(persona.history, history_tokens).text})
    return prompts.PERSON.format(persona=render(shown, condition))


def query_options(title: str, rng: np.random.Generator) -> list[str]:
    """Different queries out of words of a title, at most `QUERIES`, as offline shoppers write them.

    Args:
        title: Of the product that was opened.
        rng: The question's own.
    """
    words = content_words(title) or (title,)
    drawn = [draw_query(words, KEEP[turn % len(KEEP)], rng.random) for turn in range(QUERIES - 1)]
    return list(dict.fromkeys([" ".join(words[:FIRST_WORDS]), *drawn]))


def _title(product: Product) -> str:
    return product.title[:200] if product.title.strip() else product.id


async def _awaited(value: Awaitable[list[Array]] | list[Array]) -> list[Array]:
    return await value if inspect.isawaitable(value) else value
