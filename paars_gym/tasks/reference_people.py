"""What a task may ask of the people that it compares shoppers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import replace
from typing import Self

from paars_gym.alignment.session_log import SessionLog, open_log
from paars_gym.catalog.language import DEFAULT
from paars_gym.catalog.store import Catalog
from paars_gym.personas.persona import Persona
from paars_gym.sessions.event import Session
from paars_gym.sessions.purchases import ProductLog, read_products
from paars_gym.sessions.split import is_held_out
from paars_gym.sessions.store import Store


class ReferencePeople:
    """People, and what their log holds.

    Attributes:
        name: How reports call them.
        source: Their sessions.
        known: What these record, such as ``searches``.
        synthetic: True when nobody made these sessions.
        personas: By shopper; empty where nothing is known of them.
        notes: What a reader of any result about them has to know.
    """

    name: str
    source: Store | Sequence[Session]
    known: tuple[str, ...]
    synthetic: bool
    personas: Mapping[str, Persona]
    notes: tuple[str, ...] = ()

    @property
    def catalog(self) -> Catalog:
        """Of their products.

        Raises:
            ValueError: Nobody said which.
        """
        raise ValueError(f"Which products are those of {self.name}? Nobody said.")

    @property
    def shop_catalog(self) -> Catalog:
        """Of the shop that agents visit: their own products where these are known."""
        return self.catalog

    @property
    def shops_elsewhere(self) -> bool:
        """Whether agents cannot visit their shop: the catalog that there is sells none of the products of their log."""
        return False

    @property
    def language(self) -> str:
        """Of their catalog; English where nobody said which that is."""
        try:
            return self.catalog.language
        except ValueError:
            return DEFAULT

    @property
    def label(self) -> str:
        """Whether they are real or synthetic, as heads of tables say it."""
        return "synthetic" if self.synthetic else "real"

    def half(self, *, judging: bool) -> Self:
        """One half of these people, by shopper: those who judge, or those whom shoppers are fitted to.

        No shopper is in both; see `is_held_out`. A store becomes a list of sessions.
        """
        half = copy(self)
        half.name = f"{self.name}, {'judging' if judging else 'fitting'} half"
        half.source = [session for session in self.source if is_held_out(session.shopper) == judging]
        half.personas = {name: one for name, one in self.personas.items() if is_held_out(name) == judging}
        return half

    @property
    def full_name(self) -> str:
        """How their log calls them."""
        return self.source.provenance.name if isinstance(self.source, Store) else self.name

    def require(self, task: str, *known: str) -> None:
        """Raises ValueError, saying what is there and what to do, unless the log records all of these."""
        missing = [name for name in known if name not in self.known]
        if missing:
            raise ValueError(
                f"{task} needs {' and '.join(missing)}; of {self.name} there are only "
                f"{', '.join(self.known) or 'none of these'}. "
                "Choose other people: --human mini (synthetic) has everything, and for a log of your own "
                "`paars sessions describe STORE` says which tasks it can be the human side of."
            )

    def log(self) -> SessionLog:
        """Their sessions, to score agents against."""
        if isinstance(self.source, Store):
            return open_log(self.source)
        opened = open_log(self.source, name=self.name)
        return replace(opened, synthetic=self.synthetic, known=self.known, notes=self.notes)

    def titles(self) -> Mapping[str, str] | None:
        """Of the products of their catalog, by id; None where their log has them, or nobody said which catalog."""
        return None

    def product_log(self) -> ProductLog:
        """What they bought and viewed, by product of the catalog."""
        assert isinstance(self.source, Store)
        return read_products(self.source, self.catalog)

    def labels(self, trait: str) -> dict[str, str]:
        """A trait of each shopper who told it; raises ValueError where nobody did."""
        raise ValueError(f"--by {trait}: {self.name} told nothing about themselves; give a table by --attributes.")
