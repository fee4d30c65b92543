"""Trees to the model: every judgement about types, pairs, names and classes lives here."""
