"""From network files to graphs, one module a file format."""
