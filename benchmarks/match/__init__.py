"""How well does crmsync tell which is which, and how well do its neighbours?"""
