"""What museums write for a date, and the years that it means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.storage.years import EARLIEST, years


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("1831", 1831, 1831),
        ("1831.", 1831, 1831),
        ("[1831]", 1831, 1831),
        ("1831?", 1831, 1831),
        ("dated 1831", 1831, 1831),
        ("ca. 1890", 1885, 1895),
        ("c. 1890", 1885, 1895),
        ("c.1890", 1885, 1895),
        ("c1890", 1885, 1895),
        ("circa 1890", 1885, 1895),
        ("um 1450", 1445, 1455),
        ("vers 1450", 1445, 1455),
        ("omstreeks 1650", 1645, 1655),
        ("1503-19", 1503, 1519),
        ("1503–1519", 1503, 1519),
        ("ca. 1503–19", 1498, 1524),
        ("1760–80", 1760, 1780),
        ("1890-5", 1890, 1895),
        ("1760 to 1780", 1760, 1780),
        ("between 1889 and 1895", 1889, 1895),
        ("entre 1760 et 1780", 1760, 1780),
        ("zwischen 1760 und 1780", 1760, 1780),
        ("1889 or 1890", 1889, 1890),
        ("1889/90", 1889, 1890),
        ("1889-06-18", 1889, 1889),
        ("1889-06-18T00:00:00Z", 1889, 1889),
        ("1889-06", 1889, 1889),
        ("18.6.1889", 1889, 1889),
        ("12/06/1889", 1889, 1889),
        ("18 June 1889", 1889, 1889),
        ("June 18, 1889", 1889, 1889),
        ("18 juin 1889", 1889, 1889),
        ("19th century", 1801, 1900),
        ("19th c.", 1801, 1900),
        ("15th-16th century", 1401, 1600),
        ("15th to 16th century", 1401, 1600),
        ("late 19th–early 20th century", 1867, 1933),
        ("late 19th century", 1867, 1900),
        ("early 19th century", 1801, 1833),
        ("mid-19th century", 1834, 1866),
        ("second half of the 17th century", 1651, 1700),
        ("2nd half 17th century", 1651, 1700),
        ("first quarter 16th century", 1501, 1525),
        ("last quarter of the 16th century", 1576, 1600),
        ("late 1600s", 1666, 1699),
        ("1600s", 1600, 1699),
        ("1920s", 1920, 1929),
        ("early 1920s", 1920, 1922),
        ("1820er Jahre", 1820, 1829),
        ("années 1920", 1920, 1929),
        ("jaren 1920", 1920, 1929),
        ("18--", 1800, 1899),
        ("189-", 1890, 1899),
        ("5th century B.C.", -500, -401),
        ("5th century BCE", -500, -401),
        ("early 5th century B.C.", -500, -468),
        ("2nd–1st century B.C.", -200, -1),
        ("1st century B.C.–1st century A.D.", -100, 100),
        ("ca. 1353–1336 B.C.", -1358, -1331),
        ("664–332 B.C.", -664, -332),
        ("100 B.C.–A.D. 100", -100, 100),
        ("A.D. 150", 150, 150),
        ("79 CE", 79, 79),
        ("3rd millennium B.C.", -3000, -2001),
        ("XIXe siècle", 1801, 1900),
        ("XVe-XVIe siècle", 1401, 1600),
        ("fin du XVIIIe siècle", 1767, 1800),
        ("début du XIXe siècle", 1801, 1833),
        ("2e moitié du XVIIe siècle", 1651, 1700),
        ("1er quart du XVIe siècle", 1501, 1525),
        ("Ier siècle av. J.-C.", -100, -1),
        ("Ve siècle avant J.-C.", -500, -401),
        ("IIe siècle apr. J.-C.", 101, 200),
        ("19. Jahrhundert", 1801, 1900),
        ("19. Jh.", 1801, 1900),
        ("Anfang 16. Jh.", 1501, 1533),
        ("2. Hälfte 17. Jh.", 1651, 1700),
        ("Ende des 18. Jahrhunderts", 1767, 1800),
        ("5. Jh. v. Chr.", -500, -401),
        ("2. Jahrhundert n. Chr.", 101, 200),
        ("19e eeuw", 1801, 1900),
        ("eind 17de eeuw", 1667, 1700),
        ("tweede helft 17e eeuw", 1651, 1700),
        ("5e eeuw v.Chr.", -500, -401),
        ("before 1789", 1779, 1789),
        ("after 1789", 1789, 1799),
        ("vor 1789", 1779, 1789),
        ("Edo period (1615–1868)", 1615, 1868),
        ("Qing dynasty (1644–1911), Kangxi period (1662–1722)", 1644, 1911),
        ("1831, printed 1897", 1831, 1897),
        ("mid-1880s", 1883, 1885),
        ("5000 B.C.", -5000, -5000),
    ],
)
def test_words_mean_years(text: str, first: int, last: int) -> None:
    assert years(text) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "n.d.",
        "undated",
        "sans date",
        "Edo period",
        "12",
        "May",
        "31337",
        "9999",
        "0",
        "century",
        "ca.",
        "x-x",
        "²",
        "٣",
    ],
)
def test_what_names_no_year_has_none(text: str | None) -> None:
    assert years(text) is None


PIECES = [
    "19",
    "1831",
    "th",
    "century",
    " ",
    "-",
    "b.c.",
    "ca.",
    "late",
    "xv",
    "e",
    "siecle",
    "s",
    "0",
    ".",
    "1st",
    "half",
    "v. chr.",
    "ad",
]


@given(st.text(max_size=400) | st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text_is_read_and_gives_a_span_without_a_year_nought(text: str) -> None:
    span = years(text)
    if span is not None:
        assert EARLIEST <= span[0] <= span[1]
        assert 0 not in span
