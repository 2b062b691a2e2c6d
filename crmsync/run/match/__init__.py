"""Which record is which? Links, questions, duplicates, labels: what a run and a person do about it."""
