"""The `gen` command: the only room that prints, exits, and reads arguments and environment.

Arguments come in; go out: texts on the terminal, files, and the exit codes 0 (clean), 1 (not clean) and 2 (usage). A
module has the name of its command.
"""
