"""How well does it do, and who is told?"""
