"""Work on many machines, through Ray: connecting, spreading pieces of work, and one door to models for all of them."""
