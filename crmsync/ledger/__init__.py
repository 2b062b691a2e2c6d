"""What does crmsync remember? `store` for ever, `spool` for one run.

Nothing is imported here: SQLAlchemy takes half a second, and most commands need only the nouns.
"""
