"""Boot scripts: what an IOC loads, and in which environment. Nothing is run.

The text of a `st.cmd` comes in; go out: what it loads, with macros, and its other commands. ADR 0003 rules here.
"""
