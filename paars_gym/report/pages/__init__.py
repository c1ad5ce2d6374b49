"""Pages and plots: a run, a comparison or a test as one HTML file, and the parts that the viewer shows."""
