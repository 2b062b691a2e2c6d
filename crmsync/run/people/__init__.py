"""What is kept of people, who sees it, and how does it go?"""
