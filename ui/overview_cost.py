"""What the answers of a stretch cost, by the operator's own price list; nothing is said of it while there is none."""

from dataclasses import dataclass

from services.monitor.usage import spent_on, uses_of
from ui import context
from ui.metrics_tiles import price_words, usd
from ui.overview_data import Past


@dataclass(frozen=True, slots=True)
class Cost:
    """*amount*: as it is shown; empty when it is not known. *notes*: what it leaves out."""

    amount: str = ""
    notes: str = ""


def cost_of(past: Past | None) -> Cost:
    """Return what the answers cost; empty without a price list, and when the tokens could not be read."""
    if past is None or past.tokens is None or not past.tokens.is_known:
        return Cost()
    spent = spent_on(uses_of(past.tokens.rows, context.services().prices))
    notes = price_words(spent)
    amount = usd(spent.cost_usd)
    if amount is None:
        return Cost("", notes)
    return Cost(amount if spent.is_whole else f"at least {amount}", notes)
