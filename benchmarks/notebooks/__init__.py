"""Four notebooks, and the command that runs them and keeps their outputs."""
