"""Loading regions."""
