"""Files of any kind read with tolerance: bytes to rows, cells to texts, numbers, prices and times."""
