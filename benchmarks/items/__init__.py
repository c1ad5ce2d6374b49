"""Item selection: its cases, shoppers, results and report."""
