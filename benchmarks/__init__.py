"""The fixed evaluation: one runnable file a task, all of them by ``python -m benchmarks``."""
