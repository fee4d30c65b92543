"""Model to text with jinja2; every piece of a description goes through `literal`, `docstring` or `comment`."""
