"""What a change of descriptions means for plans: differences of generated code, and plans rewritten to follow them."""
