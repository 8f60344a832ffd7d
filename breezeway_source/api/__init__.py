"""How the API is asked: pace, tokens, pages, and when a list counts as whole."""
