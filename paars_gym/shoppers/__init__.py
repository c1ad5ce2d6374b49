"""Shoppers: who shops in the environment and answers the questions of the tasks."""
