"""The main job's report: its parts, tables and files."""
