"""Next action: cases of what comes next in a real session, baselines, and scores."""
