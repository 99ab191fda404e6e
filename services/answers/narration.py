"""A step in plain words, the same on the page and in the terminal."""

from services.models import Step


def say(step: Step, elapsed_s: float | None = None) -> str:
    """Return one line for *step* ("Waiting in the queue 1.2 s").

    *elapsed_s*: how long an active step has lasted so far, shown instead of the duration it does not have yet.
    A time that is only an estimate reads "about"; a time that is not known is left out.
    """
    took_s = elapsed_s if step.state == "active" else step.took_s
    line = _words(step) + _time(took_s, about=step.certainty == "guess")
    if step.state == "failed":
        return f"{line} - failed"
    if step.state == "cancelled":
        return f"{line} - stopped"
    return line


def _words(step: Step) -> str:
    done = step.state != "active"
    match step.kind:
        case "plan":
            return "Planned the answer" if done else "Planning the answer"
        case "delegate":
            return f"Delegated to {step.name}"
        case "wait":
            return "Waiting in the queue"
        case "function":
            return "Function ran" if done else "Function running"
        case "write":
            return "Wrote the answer" if done else "Writing the answer"


def _time(took_s: float | None, *, about: bool) -> str:
    if took_s is None:
        return ""
    return (" about " if about else " ") + seconds(took_s)


def seconds(value_s: float) -> str:
    """Return *value_s* as a person reads it: `0.04 s`, `1.2 s`, `2 min 5 s`; what is not nothing is not shown as 0."""
    if value_s < 0.005:
        return "<0.01 s" if value_s > 0 else "0 s"
    if value_s < 0.095:
        return f"{value_s:.2f} s"
    if value_s < 59.95:
        return f"{value_s:.1f} s"
    minutes, rest_s = divmod(round(value_s), 60)
    return f"{minutes} min {rest_s} s"
