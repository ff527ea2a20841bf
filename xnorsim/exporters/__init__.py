"""Graph -> files of other tools."""
