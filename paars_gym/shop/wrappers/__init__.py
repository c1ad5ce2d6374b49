"""Wrappers of `PAARS-Retail-v0`: a discrete form for classical RL, numeric features, and recorders."""

from paars_gym.shop.wrappers.discrete import DiscreteActions
from paars_gym.shop.wrappers.features import FeatureObservation
from paars_gym.shop.wrappers.record import RecordSession, RecordSteps

__all__ = ["DiscreteActions", "FeatureObservation", "RecordSession", "RecordSteps"]
