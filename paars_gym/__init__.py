"""Simulated shoppers in a text shop, measured against people: PAARS (Mansour et al. 2025) as a Gymnasium package.

**An environment.** Importing the package registers ``PAARS-Retail-v0``, whose actions and pages are text, and
``PAARS-Retail-Discrete-v0``, whose actions and observations are numbers:

>>> import gymnasium, paars_gym
>>> env = gymnasium.make("PAARS-Retail-v0", catalog="mini", ranking="bm25+rating:0.3")
>>> page, info = env.reset(seed=1)
>>> page, reward, terminated, truncated, info = env.step("search[headphones | max_price=60]")
>>> info["page"], len(info["results"])
('results', 10)

**A population, and how near it is to people.** Here the people are another run; a store of imported sessions, or of
your own log (``paars sessions import``), takes its place:

>>> import tempfile
>>> folder = tempfile.mkdtemp()
>>> for name, condition in (("people", "persona"), ("agents", "base")):
...     done = paars_gym.run(f"{folder}/{name}", paars_gym.RunConfig(sessions=30, condition=condition))
>>> len(paars_gym.read_sessions(f"{folder}/agents"))
30
>>> report = paars_gym.score(f"{folder}/people", f"{folder}/agents", embedder=None)

**An A/B test.** The same shoppers in both arms, and the difference with its interval:

>>> test = paars_gym.ABTest(paars_gym.Arm("bm25"), paars_gym.Arm("bm25+rating:0.3"))
>>> result = test.run(paars_gym.RunConfig(sessions=30), paars_gym.ShopConfig(catalog="mini"))
>>> views = result.outcomes["views"].difference
>>> views.low <= views.value <= views.high
True

The names, by what they are for (``help(paars_gym.RetailEnv)`` and so on say more):

==============================================  =======================================================================
``RetailEnv``, ``open_shop``                    the environment; a shop that many environments share
``Catalog``, ``Product``, ``load_catalog``,     what is sold: ``mini``, ``journey`` or a folder; a feed of your own
``build_catalog``
``RankingPolicy``, ``make_ranking``             in which order a search shows it: by name, or your own class
``Session``, ``read_sessions``                  what somebody did, person or agent; those of a store or a run
``Persona``, ``mine_persona``                   who shops, mined from a history by a language model
``Policy``, ``make_policy``                     how they shop: by name, or your own class
``run``, ``Run``                                a population shops; its folder read back
``score``                                       how near agents are to people, each number beside its floor
``ABTest``, ``Arm``, ``Estimate``               two rankings or contents, and by how much they differ
``ShopConfig``, ``RunConfig``,                  where, who and how often, which model, at what expense
``ModelConfig``, ``BudgetConfig``
==============================================  =======================================================================

The same from a terminal: ``paars --help``. Your own ranking, shopper or feed: CONTRIBUTING.md and ``policies/``.
"""

from typing import TYPE_CHECKING

import gymnasium as _gymnasium

from paars_gym.lazy import lazy as _lazy
from paars_gym.version import __version__ as __version__

if TYPE_CHECKING:
    from paars_gym.abtest.arms import Arm as Arm
    from paars_gym.abtest.experiment import ABTest as ABTest
    from paars_gym.alignment.scoring import score as score
    from paars_gym.catalog.feeds.build import build_catalog as build_catalog
    from paars_gym.catalog.load import load_catalog as load_catalog
    from paars_gym.catalog.product import Product as Product
    from paars_gym.catalog.store import Catalog as Catalog
    from paars_gym.config import BudgetConfig as BudgetConfig
    from paars_gym.config import ModelConfig as ModelConfig
    from paars_gym.config import RunConfig as RunConfig
    from paars_gym.config import ShopConfig as ShopConfig
    from paars_gym.estimate import Estimate as Estimate
    from paars_gym.personas.mining import mine_persona as mine_persona
    from paars_gym.personas.persona import Persona as Persona
    from paars_gym.ranking.protocol import RankingPolicy as RankingPolicy
    from paars_gym.ranking.registry import make_ranking as make_ranking
    from paars_gym.sessions.event import Session as Session
    from paars_gym.sessions.opening import read_sessions as read_sessions
    from paars_gym.shop.env import RetailEnv as RetailEnv
    from paars_gym.shop.open import open_shop as open_shop
    from paars_gym.shoppers.protocol import Policy as Policy
    from paars_gym.shoppers.registry import make_policy as make_policy
    from paars_gym.simulation.read_run import Run as Run
    from paars_gym.simulation.run import run as run
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "ABTest": "abtest.experiment",
            "Arm": "abtest.arms",
            "BudgetConfig": "config",
            "Catalog": "catalog.store",
            "Estimate": "estimate",
            "ModelConfig": "config",
            "Persona": "personas.persona",
            "Policy": "shoppers.protocol",
            "Product": "catalog.product",
            "RankingPolicy": "ranking.protocol",
            "RetailEnv": "shop.env",
            "Run": "simulation.read_run",
            "RunConfig": "config",
            "Session": "sessions.event",
            "ShopConfig": "config",
            "build_catalog": "catalog.feeds.build",
            "load_catalog": "catalog.load",
            "make_policy": "shoppers.registry",
            "make_ranking": "ranking.registry",
            "mine_persona": "personas.mining",
            "open_shop": "shop.open",
            "read_sessions": "sessions.opening",
            "run": "simulation.run",
            "score": "alignment.scoring",
        },
    )

_gymnasium.register(
    id="PAARS-Retail-v0",
    entry_point="paars_gym.shop.env:RetailEnv",
    vector_entry_point="paars_gym.shop.vector_env:RetailVectorEnv",
)
_gymnasium.register(id="PAARS-Retail-Discrete-v0", entry_point="paars_gym.shop.discrete_env:DiscreteRetailEnv")
