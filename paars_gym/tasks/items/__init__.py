"""Item selection: cases of which of four products somebody bought, bars that ask nobody, and scores."""
