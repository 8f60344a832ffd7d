"""How each entity is read: one module an entity, each with `jobs` (what to ask) and `read` (ask it)."""
