"""How does what was written for the schema before this one go on: views under its names."""
