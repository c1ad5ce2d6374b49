"""The requests of persona mining: the two steps of PAARS section 3, in the words of `paars_gym.prompts`."""

from __future__ import annotations

from paars_gym import prompts
from paars_gym.llm.chat import Message, untagged
from paars_gym.personas.persona import SCALES, ConsumerProfile


def _system(history: str) -> tuple[Message, ...]:
    # The log is part of the stable prefix: the second step finds it in the provider's prompt cache.
    log = prompts.LOG.format(history=untagged(history))
    return Message(role="system", text=prompts.MINER), Message(role="system", text=log)


def profile_messages(history: str) -> tuple[Message, ...]:
    """Step 1: the history, and the question for the profile."""
    return (*_system(history), Message(role="user", text=prompts.PROFILE))


def preferences_messages(history: str, profile: ConsumerProfile, reasoning: str) -> tuple[Message, ...]:
    """Step 2: the history, the profile with the reasoning behind it, and the question for the preferences."""
    told = prompts.PREFERENCES.format(
        profile=untagged(profile.model_dump_json()),
        reasoning=untagged(reasoning),
        scales="\n".join(f"- {name}: 1 = {low}; 5 = {high}" for name, (low, high) in SCALES.items()),
    )
    return (*_system(history), Message(role="user", text=told))
