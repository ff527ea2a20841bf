"""Engine native: a network as a few compiled passes over memory, planned once."""
