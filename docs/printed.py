"""The pages that are made from the code: `python -m docs.printed` writes them again.

A page holds a table between `<!-- printed: NAME -->` and `<!-- end -->`; the words around it are written by hand. A
dialect's reference is printed whole, and ends with what its README says about what is supported and what differs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path

from docs import callr_page, native_page, webhooks_page
from ringtrail.dialects.agendize import reference as agendize_reference
from ringtrail.dialects.agendize import vocabulary as agendize
from ringtrail.dialects.callr import vocabulary as callr
from ringtrail.dialects.fonedynamics import reference as fonedynamics_reference
from ringtrail.dialects.fonedynamics import vocabulary as fonedynamics
from ringtrail.dialects.invox import reference as invox_reference
from ringtrail.dialects.invox import vocabulary as invox
from ringtrail.dialects.optico import reference as optico_reference
from ringtrail.dialects.optico import vocabulary as optico
from ringtrail.httpkit.reference_page import markdown
from ringtrail.model import lifecycle
from ringtrail.model.cause import CAUSE_OF_DISPOSITION, Disposition, cause_of_sip, disposition_of_leg
from ringtrail.model.lifecycle import Stage

FOLDER = Path(__file__).parent
LIFECYCLE_PAGE = FOLDER / "explanation/call-lifecycle.md"
OUTCOMES_PAGE = FOLDER / "explanation/outcomes.md"
NATIVE_PAGE = FOLDER / "reference/native-api.md"
WEBHOOKS_PAGE = FOLDER / "reference/webhooks.md"

REFERENCES = {
    FOLDER / f"reference/{module.__name__.split('.')[-2]}-api.md": module
    for module in (optico_reference, invox_reference, agendize_reference, fonedynamics_reference)
}

_BLOCK = re.compile(r"(<!-- printed: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_NO_WORD = "not shown"


def pages() -> dict[Path, str]:
    """{page: its whole text as the code of now would have it}"""
    outcomes = _BLOCK.sub(lambda block: f"{block[1]}\n{TABLES[block[2]]()}\n\n{block[3]}", OUTCOMES_PAGE.read_text())
    references = {
        page: markdown(module.REFERENCE, _remarks(Path(module.__file__))) for page, module in REFERENCES.items()
    }
    return {
        LIFECYCLE_PAGE: lifecycle.as_page(),
        OUTCOMES_PAGE: outcomes,
        NATIVE_PAGE: native_page.page(),
        callr_page.PAGE: callr_page.page(),
        WEBHOOKS_PAGE: webhooks_page.page(),
        **references,
    }


def _remarks(module: Path) -> str:
    """The part of the dialect's README that is for its users."""
    _, heading, text = module.with_name("README.md").read_text().partition("## Supported\n")
    return heading + text


def words() -> str:
    """Disposition × Stage, in each dialect's own word."""
    head = ("disposition", "stage", "Optico", "INVOX", "Agendize", "Fone Dynamics", "CALLR `dialstatus`")
    return _table(head, (row for disposition in Disposition for row in _rows_of(disposition)))


def _rows_of(disposition: Disposition) -> Iterator[list[str]]:
    """One row for the stages that all dialects word alike."""
    by_words = sorted(Stage, key=lambda stage: _words(disposition, stage))
    for spoken, group in groupby(by_words, key=lambda stage: _words(disposition, stage)):
        stages = sorted(group, key=list(Stage).index)
        shown = "any" if len(stages) == len(Stage) else ", ".join(stages)
        yield [f"`{disposition}`", shown, *spoken]


def _words(disposition: Disposition, stage: Stage) -> tuple[str, ...]:
    asked: tuple[Callable[[], str], ...] = (
        lambda: optico.status_of(disposition, stage),
        lambda: invox.STATUS_OF_DISPOSITION[disposition],
        lambda: agendize.STATUS[disposition],
        lambda: fonedynamics.disposition(disposition, stage),
        lambda: callr.DIAL_STATUSES[disposition],
    )
    return tuple(_word(word) for word in asked)


def _word(asked: Callable[[], str]) -> str:
    try:
        return asked()
    except KeyError:
        return _NO_WORD


def far_ends() -> str:
    """What a target's far end sends, and what it means."""
    statuses = {status: _of_status(status) for status in range(400, 700)}
    known = {status for status in statuses if statuses[status] is not Disposition.FAILED}
    causes = {cause: disposition_of_leg(cause=cause, sip_status=None, timed_out=False) for cause in range(1, 128)}
    rows = [
        [
            f"`{disposition}`",
            _listed(status for status in known if statuses[status] is disposition),
            _listed(cause for cause, meant in causes.items() if meant is disposition),
        ]
        for disposition in dict.fromkeys(statuses[status] for status in sorted(known, key=_of_status))
    ]
    rows.append([f"`{Disposition.FAILED}`", "every other", "every other"])
    return _table(("disposition", "final SIP status", "Q.850 cause, when there is no status"), rows)


def _of_status(status: int) -> Disposition:
    return disposition_of_leg(cause=cause_of_sip(status), sip_status=status, timed_out=False)


def parting_causes() -> str:
    """What the caller is sent when nobody spoke."""
    return _table(
        ("disposition", "Q.850 cause"),
        ([f"`{disposition}`", str(cause)] for disposition, cause in CAUSE_OF_DISPOSITION.items()),
    )


def _listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(number) for number in sorted(numbers))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines).replace("| --- ", "|---").replace("--- |", "---|")


TABLES: dict[str, Callable[[], str]] = {"words": words, "far-ends": far_ends, "parting-causes": parting_causes}


if __name__ == "__main__":
    for page, text in pages().items():
        page.write_text(text)
