"""Policies to use and to copy: one readable file each."""
