"""Query generation: whose queries, and their tables."""
