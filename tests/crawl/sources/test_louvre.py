"""The Louvre's sitemaps lead to its records, and those to pictures, each with its credit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artalike.config import Museums
from artalike.crawl.fetcher import Fetcher
from artalike.crawl.sources.louvre import TERMS, pictures_of
from artalike.crawl.sources.sitemap import MAX_NESTING
from artalike.errors import FailureKind, ParseError
from artalike.records import SeedState
from tests.city.city import City
from tests.city.louvre import BASE, HOST, Louvre, image, record
from tests.crawl.conftest import task_for
from tests.crawl.sources.visits import absurd, addresses, batches, check_all, collected, reaching, root
from tests.running import running, settings_for, settled
from tests.sites import LoopbackResolver, MisbehavingSite

AT_HOME = {"louvre": BASE}
CREDIT = "© 2011 Musée du Louvre / Thierry Ollivier"


def ark(number: int) -> str:
    return f"/ark:/53355/cl{number:09}"


async def test_the_pictures_of_all_records_arrive_with_all_that_is_said_of_them(tmp_path: Path) -> None:
    house = Louvre(
        [
            record(1, [image(11), image(12, capital=True, copyright="© 2007 Dist. GrandPalaisRmn / A. Dequier")]),
            record(2),
            record(3, [image(31, copyright="© Adagp, Paris, 2021 © Musée du Louvre / H. Lewandowski"), image(32)]),
            record(4, [image(41)], title="", denominationTitle=[{"value": "statuette"}], creator=[]),
            record(5, [image(51)]),
        ]
    )
    house.once = {"/media/sitemap/sitemap1.xml": (500, {}), f"{ark(4)}.json": (429, {"Retry-After": "1"})}
    async with City(house) as city:
        async with running(settings_for(tmp_path, museums=AT_HOME), resolver=city.resolver) as service:
            seed_id = await service.add_seed("louvre:")
            await settled(service)
            images = {int(name[:10]): found for name, found in (await collected(service)).items()}
            seed = await service.frontier.seed(seed_id)
        asked = [each.path for each in city.asked(HOST)]
    assert sorted(images) == [11, 12, 32, 41, 51]
    assert (seed.state, seed.images, seed.failed) == (SeedState.DONE, 5, 0)
    said = images[11].metadata
    assert images[11].url == f"{BASE}/media/cache/large/0000000021/0000000011_OG.JPG"
    assert (said.title, said.creator) == ("La Vierge 1", "Léonard de Vinci")
    assert (said.date, said.medium) == ("1503 / 1519 (1er quart du XVIe siècle)", "huile sur bois (peuplier)")
    assert (said.rights, said.attribution, said.extra["terms"]) == (CREDIT, CREDIT, TERMS)
    assert said.page_url == "https://collections.louvre.fr/ark:/53355/cl000000001"
    assert said.extra["picture"]["type"] == "face"
    assert said.extra["objectNumber"] == [{"value": "INV 776", "type": "Numéro principal"}]
    assert {image.url.split("/")[5] for image in images.values()} == {"large"}
    assert images[12].metadata.rights == "© 2007 Dist. GrandPalaisRmn / A. Dequier"
    assert (images[41].metadata.title, images[41].metadata.creator) == ("statuette", None)
    # Each record once, whatever languages its page has, and no page.
    assert sorted(path for path in asked if "ark" in path) == [f"{ark(number)}.json" for number in (1, 2, 3, 4, 4, 5)]
    assert "/en/page/apropos" not in asked


async def test_another_crawl_reads_what_the_sitemaps_call_changed_and_lets_go_of_what_is_closed(tmp_path: Path) -> None:
    house = Louvre([record(number, [image(number)]) for number in range(1, 5)])
    async with City(house) as city:
        async with running(settings_for(tmp_path, museums=AT_HOME), resolver=city.resolver) as service:
            seed_id = await service.add_seed("louvre:")
            await settled(service)
            before = len(city.log)
            house.records["cl000000003"] |= {"title": "La Joconde", "modified": "2026-01-01"}
            house.records["cl000000004"] = record(4, [image(4, copyright="© ADAGP, Paris 2026")], modified="2026-01-01")
            house.records["cl000000009"] = record(9, [image(9)])
            assert await service.frontier.crawl_again(seed_id)
            await settled(service)
            images = await collected(service)
        asked = [each.path for each in city.log[before:]]
    assert sorted(path for path in asked if "sitemap" not in path) == [
        f"{ark(3)}.json",
        f"{ark(4)}.json",
        f"{ark(9)}.json",
        "/media/cache/large/0000000021/0000000009_OG.JPG",
    ]
    assert sorted(images) == [f"{number:010}_OG.JPG" for number in (1, 2, 3, 9)]
    assert images["0000000003_OG.JPG"].metadata.title == "La Joconde"


async def test_a_sitemap_goes_on_behind_its_cursor() -> None:
    sitemap = f"{BASE}/media/sitemap/sitemap0.xml"
    async with City(Louvre([record(1), record(2)])) as city, reaching(city, AT_HOME) as fetcher:
        assert addresses(await batches(root("louvre:"), fetcher)) == [f"{BASE}/sitemap.xml"]
        assert addresses(await batches(task_for(f"{BASE}/sitemap.xml", "louvre", depth=1), fetcher)) == [sitemap]
        [found] = await batches(task_for(sitemap, "louvre", depth=2), fetcher)
        [rest] = await batches(task_for(sitemap, "louvre", depth=2, cursor="1"), fetcher)
        with pytest.raises(ParseError, match="indexes around it"):
            await batches(task_for(sitemap, "louvre", depth=MAX_NESTING + 1), fetcher)
    assert [(each.kind, each.url, each.revision) for each in found.candidates] == [
        ("louvre", f"{BASE}{ark(1)}.json", "2024-03-01"),
        ("louvre", f"{BASE}{ark(2)}.json", "2024-03-01"),
    ]
    assert list(rest.candidates) == list(found.candidates[1:])


async def test_a_mirror_of_the_sitemaps_stays_at_home(site: MisbehavingSite, fetcher: Fetcher) -> None:
    home = "https://collections.louvre.fr"
    locs = (f"{home}/media/sitemap/sitemap0.xml", f"{site.root}/1.xml", "https://elsewhere.org/2.xml")
    body = "".join(f"<sitemap><loc>{loc}</loc></sitemap>" for loc in locs)
    index = site.put("/sitemap.xml", f"<sitemapindex>{body}</sitemapindex>".encode(), "application/xml")
    at_home = fetcher.settings.model_copy(update={"museums": Museums(louvre=site.root)})
    async with Fetcher.open(at_home, resolver=LoopbackResolver(site.port)) as mirrored:
        found = await batches(task_for(index, "louvre", depth=1), mirrored)
    assert addresses(found) == [f"{site.root}/media/sitemap/sitemap0.xml", f"{site.root}/1.xml", locs[2]]


async def test_one_record_is_a_source() -> None:
    async with City(Louvre([])) as city, reaching(city, AT_HOME) as fetcher:
        assert addresses(await batches(root("louvre:ark=cl000000007"), fetcher)) == [f"{BASE}{ark(7)}.json"]
        with pytest.raises(ParseError, match="ark 'x/y': expected one like"):
            await batches(root("louvre:ark=x%2Fy"), fetcher)
        with pytest.raises(ParseError, match="parameter 'q': unknown; expected one of ark"):
            await batches(root("louvre:q=Vinci"), fetcher)


@pytest.mark.parametrize(
    ("credit", "is_open"),
    [
        ("© 2012 GrandPalaisRmn (musée du Louvre) / René-Gabriel Ojéda", True),
        ("© 1998 Musée du Louvre, Dist. GrandPalaisRmn / Angèle Dequier", True),
        ("", True),
        ("© Succession Picasso 2021", False),
        ("© ADAGP, Paris", False),
        ("Photo X, tous droits réservés", False),
    ],
)
def test_a_credit_tells_whether_somebody_else_keeps_the_rights(credit: str, is_open: bool) -> None:
    found = record(1, [image(1, copyright=credit)])
    task = task_for(f"{BASE}{ark(1)}.json", "louvre")
    assert len(pictures_of(found, task, True)) == is_open
    [candidate] = pictures_of(found, task, False)
    assert (candidate.metadata.rights or "") == credit


async def test_what_is_no_record_fails_as_one() -> None:
    house = Louvre([])
    async with City(house) as city, reaching(city, AT_HOME) as fetcher:
        house.records["cl000000001"] = []  # type: ignore[assignment]  # what a broken server says
        with pytest.raises(ParseError) as caught:
            await batches(task_for(f"{BASE}{ark(1)}.json", "louvre"), fetcher)
    assert caught.value.kind is FailureKind.BAD_DOCUMENT


@given(absurd(record(1)), st.lists(absurd(image(1)), max_size=3))
@settings(deadline=None)
def test_no_record_breaks_it(answer: dict[str, Any], images: list[dict[str, Any]]) -> None:
    task = task_for(f"{BASE}{ark(1)}.json", "louvre")
    check_all(pictures_of(answer, task, True))
    check_all(pictures_of(answer | {"image": images}, task, False))
