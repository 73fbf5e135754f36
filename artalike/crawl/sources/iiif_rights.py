"""Whether what is said of a picture's rights leaves it open to everyone.

Institutions publish through IIIF to be reused, and most manifests say nothing: those are taken. Of the statements that
IIIF allows (https://iiif.io/api/presentation/3.0/#rights), Creative Commons' licences are open as the Open Definition
has it (https://opendefinition.org/licenses/): CC0, the Public Domain Mark, BY and BY-SA are, whatever has NC or ND is
not. Of https://rightsstatements.org/, "in copyright" in all its forms is refused; "no copyright", "not evaluated" and
"undetermined" are taken. A text of the institution's own is refused where it says "in copyright", "all rights reserved"
or "non-commercial use only", in the words in which that is most often said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_LICENCE: Final = re.compile(r"creativecommons\.org/(?:licenses|licences|publicdomain)/([a-z0-9-]+)", re.IGNORECASE)
_STATEMENT: Final = re.compile(r"rightsstatements\.org/(?:vocab|page|data)/([A-Z-]+)", re.IGNORECASE)
_SHORT: Final = re.compile(r"\bCC(?:[ -]?0|[ -]BY(?:[ -](?:NC|ND|SA))*)\b", re.IGNORECASE)
_RESTRICTED: Final = re.compile(r"(?:^|[-_ ])(?:nc|nd)(?:$|[-_ .0-9])", re.IGNORECASE)
_CLOSED: Final = re.compile(
    r"all rights reserved|(?<!not )(?<!no longer )\b(?:in|under|protected by) copyright|tous droits réservés"
    r"|alle rechte vorbehalten|todos los derechos reservados|tutti i diritti riservati|alle rechten voorbehouden"
    r"|attribution-non-?commercial|non-?commercial (?:use|purposes?) only|only for non-?commercial"
    r"|todos os direitos reservados|med ensamrätt|すべての権利を留保",
    re.IGNORECASE,
)


def is_open(statements: Iterable[str]) -> bool:
    """Whether pictures with these statements, addresses or texts, are for everyone.

    What names a licence or a standard statement decides; a text has a say only where nothing does.
    """
    said = list(statements)
    verdicts = [verdict for statement in said if (verdict := _verdict(statement)) is not None]
    return all(verdicts) if verdicts else not any(_CLOSED.search(statement) for statement in said)


def _verdict(statement: str) -> bool | None:
    if licence := _LICENCE.search(statement):
        return not _RESTRICTED.search(licence[1])
    if standard := _STATEMENT.search(statement):
        return not standard[1].upper().startswith("INC")
    if short := _SHORT.search(statement):
        return not _RESTRICTED.search(short[0])
    return None
