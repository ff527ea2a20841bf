"""What a network is: encodings, layer kinds, graphs, shapes and precision policies."""
