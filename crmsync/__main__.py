"""`python -m crmsync` is the command line."""

from crmsync.cli import main

main()
