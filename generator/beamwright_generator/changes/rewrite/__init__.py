"""Plans rewritten, where what they use was renamed.

Plans and changes come in; go out: plans with other names in them, and what a person must look at. ADR 0026 rules
here.
"""
