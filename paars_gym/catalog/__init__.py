"""What is sold: products, catalogs, and how feeds become catalogs."""
