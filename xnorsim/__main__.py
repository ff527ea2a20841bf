"""`python -m xnorsim` is the command line."""

from xnorsim.cli import main

main()
