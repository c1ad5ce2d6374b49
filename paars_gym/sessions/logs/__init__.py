"""Logs of people: known or mapped, read row by row, cut into sessions, kept as a store."""
