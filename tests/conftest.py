"""What every test shares: a shop of twelve products, no way out to the network, and a Ray where one is asked for."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from paars_gym.catalog.product import Product, Review
from paars_gym.catalog.store import Catalog
from paars_gym.cluster.session import Cluster

# A busy machine is no mistake: no example of a property test has to be done within 200 ms. Examples are the same each
# time; `--hypothesis-profile=search` draws new ones.
settings.register_profile("search", deadline=None, max_examples=1_000)
settings.register_profile("seeded", deadline=None, derandomize=True)
settings.load_profile("seeded")

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@pytest.fixture(scope="session")
def home_of_ray(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ray writes a token there. It is the same for all starts: a process remembers the first one."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def cluster(home_of_ray: Path) -> Iterator[Cluster]:
    """A Ray of two processors with a temporary home, ended by its own API."""
    pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home_of_ray))
        with Cluster(cpus=2) as started:
            yield started


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if isinstance(address, tuple) and address[0] not in LOOPBACK:
            raise RuntimeError(f"A test tried to reach {address[0]!r}; tests stay on 127.0.0.1.")
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    base = tmp_path_factory.getbasetemp()
    # Workers of one run share what they derive, as processes of one user do.
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAARS_CACHE", str(root / "cache"))
        yield


@pytest.fixture(scope="module")
def cache_of_one_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Each process has a store ``memory://`` of its own, copies of which others must not take for theirs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PAARS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data beside the checkout; tests that use it skip when it is absent."""
    folder = Path(__file__).resolve().parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared real data is not here")
    return folder


def twelve_products() -> list[Product]:
    """Headphones, shoes and kettles in several brands; one without a price, one sold out, one with options."""
    rows = [
        ("h1", "Auro wireless headphones black", "Headphones", "Auro", 59.0, 4.5, 210, True),
        ("h2", "Auro wired headphones", "Headphones", "Auro", 19.5, 3.9, 80, True),
        ("h3", "Boma noise cancelling headphones", "Headphones", "Boma", 149.0, 4.7, 530, True),
        ("h4", "Boma kids headphones", "Headphones", "Boma", 24.0, 4.1, 45, False),
        ("k1", "Calor steel kettle 1.7 l", "Kettles", "Calor", 34.9, 4.4, 320, True),
        ("k2", "Calor glass kettle", "Kettles", "Calor", 44.0, 4.0, 120, True),
        ("k3", "Dunk travel kettle", "Kettles", "Dunk", 22.0, 3.2, 15, True),
        ("k4", "Dunk gooseneck kettle", "Kettles", "Dunk", None, None, 0, True),
        ("s1", "Ede red running shoes", "Shoes", "Ede", 79.0, 4.3, 400, True),
        ("s2", "Ede trail running shoes", "Shoes", "Ede", 95.0, 4.6, 150, True),
        ("s3", "Fann canvas shoes", "Shoes", "Fann", 39.0, 3.8, 60, True),
        ("s4", "Fann red slippers", "Shoes", "Fann", 15.0, 4.0, 30, True),
    ]
    return [
        Product(
            id=key,
            title=title,
            category=("Shop", category),
            brand=brand,
            price=price,
            rating=rating,
            rating_count=count,
            popularity=float(count),
            bullets=(f"Made by {brand}", "Two year warranty"),
            description=f"{title}. A fine choice among {category.lower()}.",
            attributes={"colour": "red" if "red" in title else "black"},
            options={"size": ("40", "41", "42")} if category == "Shoes" else {},
            reviews=tuple(
                Review(rating=stars, title=f"{stars} stars", text=f"Review {stars} of {title}.", helpful_votes=stars)
                for stars in range(1, 6)
            ),
            available=available,
        )
        for key, title, category, brand, price, rating, count, available in rows
    ]


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.from_products(twelve_products(), name="twelve", synthetic=True)
