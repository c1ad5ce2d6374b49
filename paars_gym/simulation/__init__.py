"""Populations of simulated shoppers: schedules, episodes, logs and runs."""
