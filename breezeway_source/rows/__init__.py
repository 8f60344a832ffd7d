"""How an answer becomes a row."""
