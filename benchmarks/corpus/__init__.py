"""Count which public databases are generated and connect."""
