"""Personal data in texts: what finds it, and what replaces it before a text leaves the process."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.redaction.recognisers import Span as Span
    from paars_gym.redaction.texts import TextRedactor as TextRedactor
else:
    __getattr__, __dir__ = _lazy(__name__, {"Span": "recognisers", "TextRedactor": "texts"})
