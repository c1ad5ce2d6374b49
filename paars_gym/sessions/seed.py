"""Which random generator belongs to a session? One that depends on seed and key alone, never on call order."""

from __future__ import annotations

import hashlib

import numpy as np


def session_rng(seed: int, key: str) -> np.random.Generator:
    """The generator of a session: neither concurrency, order, resume nor the number of machines changes its draws.

    Args:
        seed: The run's seed, >= 0.
        key: The session's key, unique in its run.

    Raises:
        ValueError: A negative seed.
    """
    if seed < 0:
        raise ValueError(f"seed == {seed}, must be >= 0.")
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
    words = np.frombuffer(digest, dtype="<u4")  # as NumPy would make of integers, which takes twice as long
    seeds = np.random.SeedSequence(seed, spawn_key=(words,))  # type: ignore[arg-type]
    return np.random.Generator(np.random.PCG64(seeds))
