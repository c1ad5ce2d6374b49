"""Runs and results for other people's tools: log viewers (Inspect, OpenTelemetry) and trackers (MLflow, W&B)."""

from typing import TYPE_CHECKING

from paars_gym.lazy import lazy as _lazy

if TYPE_CHECKING:
    from paars_gym.export.inspect_log import write_inspect_log as write_inspect_log
    from paars_gym.export.otel_spans import write_otel_spans as write_otel_spans
    from paars_gym.export.tracking import log_to_mlflow as log_to_mlflow
    from paars_gym.export.tracking import log_to_wandb as log_to_wandb
else:
    __getattr__, __dir__ = _lazy(
        __name__,
        {
            "log_to_mlflow": "tracking",
            "log_to_wandb": "tracking",
            "write_inspect_log": "inspect_log",
            "write_otel_spans": "otel_spans",
        },
    )
