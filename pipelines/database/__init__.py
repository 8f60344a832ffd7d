"""Where rows go, and the SQL that runs there."""
