"""Prices and a venue as a capture recorded them: the market, the books and what a crash interrupted."""

from buyer.execution.venue_port import UnsignedVenue
from buyer.venue.paper import PaperVenue
from shared.domain.market import Book, MarketFacts
from shared.domain.money import Price
from shared.messages.decisions import BuyEngineDecision, Order, OthersPaid, Outcome


class RecordedPrices:
    """Answers as the upstreams did for one decision: the book it saw first, then the book its order met."""

    def __init__(self) -> None:
        self._decision: BuyEngineDecision | None = None
        self._books: list[Book | None] = []

    def of(self, decision: BuyEngineDecision) -> None:
        """Answer from now on as for this decision."""
        self._decision = decision
        seen = decision.inputs.book
        met = decision.outcome.book if decision.outcome else seen
        self._books = [seen, met]

    def met_by(self, decision: BuyEngineDecision) -> None:
        """Answer from now on as when this decision's order arrived."""
        self.of(decision)
        del self._books[:1]

    def facts(self, token_id: str) -> tuple[MarketFacts | None, str]:
        """Return the facts that were known."""
        del token_id
        facts = self._decision.inputs.market if self._decision else None
        return facts, "" if facts else self._problem("facts")

    def book(self, token_id: str) -> tuple[Book | None, str]:
        """Return the book that was seen; at the second question the one that the order met."""
        del token_id
        book = self._books.pop(0) if self._books else None
        return book, "" if book else self._problem("book")

    def stood(self) -> Price:
        """Return what a share of the lot was worth for some seconds, as the decision knew it."""
        held = self._decision.inputs.portfolio if self._decision else None
        return held.stood if held else Price(0)

    def others(self) -> OthersPaid | None:
        """Return what others had paid, as the decision knew it."""
        return self._decision.inputs.others if self._decision else None

    def _problem(self, what: str) -> str:
        """Return the recorded reason; an order that met no book keeps it in its outcome."""
        if self._decision is None:
            return f"{what}: nothing recorded"
        for problem in self._decision.inputs.problems:
            if problem.startswith(what):
                return problem
        outcome = self._decision.outcome
        return outcome.reason.removeprefix("no book: ") if outcome else f"{what}: nothing recorded"


class RecordedVenue(UnsignedVenue):
    """The paper venue over recorded books. An order that a crash cancelled stays cancelled: crashes are input."""

    def __init__(self, paper: PaperVenue) -> None:
        self._paper = paper
        self._decision: BuyEngineDecision | None = None

    def of(self, decision: BuyEngineDecision) -> None:
        """Answer from now on as for this decision."""
        self._decision = decision

    def place(self, order: Order, facts: MarketFacts, prepared: str = "") -> Outcome:
        """Fill from the recorded book."""
        del prepared
        recorded = self._decision.outcome if self._decision else None
        if recorded is not None and recorded.state == "CANCELLED":
            return recorded
        return self._paper.place(order, facts)
