"""How is a length of time told to a person?"""


def coarsely(seconds: float) -> str:
    """As a person says it: 40 s, 12 min, 3 h, 2 days."""
    whole = max(0, round(seconds))
    for unit, length_s, most in (("s", 1, 120), ("min", 60, 120), ("h", 3600, 48)):
        if whole < most * length_s:
            return f"{whole // length_s} {unit}"
    return f"{whole // 86_400} days"
