"""How fast is crmsync, beside a floor or a competitor, in one run on one machine? `make bench`."""
