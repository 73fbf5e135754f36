"""The labels under which institutions say who made what when, in the languages that they say it in.

IIIF prescribes none (https://iiif.io/api/presentation/3.0/#metadata); these are the ones most often met.
"""

from __future__ import annotations

import re
from typing import Final

_LABELS: Final = {
    "creator": """creator, artist, author, maker, painter, photographer, engraver, illustrator, sculptor, architect,
        artist/maker, creator/artist, artist or maker, creators, artists, authors, makers, auteur, auteurs, artiste,
        créateur, créatrice, peintre, photographe, künstler, urheber, urheberin, maler, verfasser, autor, schöpfer,
        hersteller, kunstenaar, maker/kunstenaar, vervaardiger, schilder, autore, artista, creador, autora, autor/a,
        creatore, pittore, konstnär, konstnärer, upphovsman, kunstner, ophavsmand, skaper, fotograf, taiteilija, tekijä,
        artysta, twórca, umělec, художник, автор, 作者, 作家, 制作者, 著者, 작가, 藝術家, 艺术家, awdur, artlunydd""",
    "date": """date, dates, dated, year, date created, date of creation, creation date, date made, date of origin,
        date of publication, publication date, issued, production date, date of production, date statement, période,
        datation, date de création, date de publication, année, datum, datierung, entstehungsdatum, entstehungszeit,
        erscheinungsjahr, jahr, datering, jaar, periode, fecha, fecha de creación, año, data, anno, datazione, ano,
        tillkomstår, år, dato, päivämäärä, rok, datace, дата, 年代, 制作年, 日付, 日期, 연대, dyddiad""",
    "medium": """medium, technique, materials, material, medium/technique, physical description,
        materials and techniques, materials & techniques, technique and material, material and technique,
        material/technique, media, support, médium, matériau, matériaux, technique et matériaux,
        matériaux et techniques, matière, technik, material und technik, material/technik, materialien, techniek,
        materiaal, materiaal/techniek, técnica, material y técnica, materiales, tecnica, materia e tecnica, materiali,
        teknik, material och teknik, materiale, tekniikka, technika, materiał, техника, материал, 技法, 材質, 素材,
        材质, 재질, cyfrwng""",
    "rights": """rights, right, rights statement, license, licence, copyright, copyright statement, usage, usage rights,
        terms of use, access rights, use and reproduction, droits, droits d'auteur, licence d'utilisation,
        conditions d'utilisation, rechte, lizenz, nutzungsrechte, rechten, licentie, derechos, licencia, diritti,
        licenza, direitos, licença, rättigheter, rettigheder, rettigheter, oikeudet, prawa, права, 権利, 利用条件, 版权,
        hawliau""",
    "attribution": """attribution, credit, credits, credit line, creditline, crédit, crédit photographique,
        mention obligatoire, bildnachweis, creditregel, fuente, crediti, credito, crédito, クレジット""",
}
_FIELDS: Final = {
    " ".join(label.split()): field for field, labels in _LABELS.items() for label in labels.split(",")
}  # fmt: skip
_DECORATION: Final = re.compile(r"\((?:s|in|innen|es)\)|/in(?:nen)?$|[:.*]+$")


def field_of(label: str) -> str | None:
    """What a label means: ``creator``, ``date``, ``medium``, ``rights``, ``attribution``, or nothing that is known."""
    plain = " ".join(label[:100].lower().split()).replace("’", "'")
    return _FIELDS.get(_DECORATION.sub("", plain).strip())
