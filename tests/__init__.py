"""A package by name, so that no other one called tests, of whoever installed one, stands before it."""
