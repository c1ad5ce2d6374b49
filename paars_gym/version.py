"""The version of the package, which settings of runs and experiments hold."""

__version__ = "0.1.0"
