"""page"""


def page(found: object) -> str:
    return ""
