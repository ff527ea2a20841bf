"""What right is: the meaning of each layer kind in exact numpy, and whole networks run by it."""
