"""What work is in a network: counts, memory, and both as a table of columns."""
