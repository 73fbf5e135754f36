"""Which kind a string is of, and what is said of one that is of none."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from artalike.crawl.sources import SOURCES, check_options, detect, source_for
from artalike.crawl.urls import from_path
from artalike.errors import SourceError
from tests.sites import draw


@pytest.mark.parametrize(
    ("source", "kind", "url"),
    [
        ("https://Example.com/a.JPG?w=2#x", "image", "https://example.com/a.JPG?w=2"),
        ("https://example.com/a.webp", "image", "https://example.com/a.webp"),
        ("https://example.com", "page", "https://example.com/"),
        ("https://example.com/gallery.php?id=3", "page", "https://example.com/gallery.php?id=3"),
        ("https://example.com/x.jpg/view", "page", "https://example.com/x.jpg/view"),
        ("https://example.com/sitemap.xml", "sitemap", "https://example.com/sitemap.xml"),
        ("https://example.com/sitemap_index.xml.gz?x", "sitemap", "https://example.com/sitemap_index.xml.gz?x"),
        ("https://example.com/art-sitemap2.txt", "sitemap", "https://example.com/art-sitemap2.txt"),
        ("https://example.com/feed", "feed", "https://example.com/feed"),
        ("https://example.com/blog/feed/", "feed", "https://example.com/blog/feed/"),
        ("https://example.com/art.rss?x=1", "feed", "https://example.com/art.rss?x=1"),
        ("https://example.com/art.rss", "feed", "https://example.com/art.rss"),
        ("https://example.com/news.atom", "feed", "https://example.com/news.atom"),
        ("https://example.com/rss.xml", "feed", "https://example.com/rss.xml"),
        ("https://example.com/x/atom.xml", "feed", "https://example.com/x/atom.xml"),
        ("https://example.com/?feed=rss2", "feed", "https://example.com/?feed=rss2"),
        ("https://example.com/f.gne?id=1&format=rss_200", "feed", "https://example.com/f.gne?id=1&format=rss_200"),
        ("https://example.com/feedback", "page", "https://example.com/feedback"),
        ("https://example.com/atom/physics", "page", "https://example.com/atom/physics"),
        ("https://example.com/pictures.csv", "list", "https://example.com/pictures.csv"),
        ("https://example.com/pictures.jsonl.gz", "list", "https://example.com/pictures.jsonl.gz"),
        ("https://example.com/laion.parquet", "list", "https://example.com/laion.parquet"),
        ("  https://example.com/x.txt\n", "list", "https://example.com/x.txt"),
        ("met:", "met", "met:"),
        ("MET: query=van gogh & department=11", "met", "met:department=11&query=van+gogh"),
        ("louvre:", "louvre", "louvre:"),
        ("aic:q=monet", "aic", "aic:q=monet"),
        ("cleveland:type=Painting", "cleveland", "cleveland:type=Painting"),
        ("rijksmuseum:", "rijksmuseum", "rijksmuseum:"),
        ("Rijksmuseum:type=painting&creator=Jan%20Steen", "rijksmuseum", "rijksmuseum:creator=Jan+Steen&type=painting"),
        ("https://id.rijksmuseum.nl/200107928", "rijksmuseum", "https://id.rijksmuseum.nl/200107928"),
        ("commons:category:ukiyo-e", "commons", "commons:Category:Ukiyo-e"),
        ("commons:Ukiyo-e_by__artist ", "commons", "commons:Category:Ukiyo-e by artist"),
        ("commons:Image: wave.jpg", "commons", "commons:File:Wave.jpg"),
        ("https://commons.wikimedia.org/wiki/File:A%26B_%C3%A9.jpg", "commons", "commons:File:A&B é.jpg"),
        ("https://commons.m.wikimedia.org/wiki/Category:Maps#x", "commons", "commons:Category:Maps"),
        ("https://commons.wikimedia.org/w/index.php?title=Category:Maps", "commons", "commons:Category:Maps"),
        ("https://commons.wikimedia.org/wiki/Main_Page", "page", "https://commons.wikimedia.org/wiki/Main_Page"),
        (
            "https://example.com/w/index.php?title=Category:X",
            "page",
            "https://example.com/w/index.php?title=Category:X",
        ),
    ],
)
def test_an_address_is_of_a_kind(source: str, kind: str, url: str) -> None:
    root = detect(source)
    assert (root.kind, root.url, root.depth) == (kind, url, 0)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.jpg", b"", "image"),
        ("without-extension", draw(0), "image"),
        ("list.txt", b"", "list"),
        ("list.tsv.gz", b"", "list"),
        ("sitemap.xml", b"", "sitemap"),
        ("page.html", b"", "page"),
        ("feed.xml", b"", "feed"),
        ("my.rss", b"", "feed"),
        ("x.tar", b"", "shards"),
        ("100% söñ #1?.jpeg", b"", "image"),
    ],
)
def test_a_local_file_is_of_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes, kind: str
) -> None:
    (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    expected = (kind, from_path(tmp_path / name))
    for source in (name, f"./{name}", str(tmp_path / name), from_path(tmp_path / name)):
        root = detect(source)
        assert (root.kind, root.url) == expected


def test_a_directory_is_a_folder_however_it_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "pictures.jpg"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(tmp_path))
    for source in (".", "../pictures.jpg/", "~/pictures.jpg", str(folder)):
        root = detect(source)
        assert (root.kind, root.url) == ("folder", from_path(folder))


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["00000.tar", "00000.parquet", "00000_stats.json"], "shards"),
        (["00000.tar", "sub/1.jpg"], "shards"),
        (["00000.tar", "1.jpg"], "folder"),
        ([".hidden.tar"], "folder"),
        (["00000.tar.gz"], "folder"),
        (["sub/00000.tar"], "folder"),
        (["x.tar/1.txt"], "folder"),
        ([], "folder"),
    ],
)
def test_a_directory_of_tar_files_without_pictures_beside_them_is_one_of_shards(
    tmp_path: Path, names: list[str], kind: str
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    root = detect(str(tmp_path))
    assert (root.kind, root.url) == (kind, from_path(tmp_path))


def test_shards_are_a_tar_file_or_a_pattern_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("1.tar", "2.tar", "3.jpg", "[4].tar"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    for source in ("1.tar", "*.tar", "./[12].tar", "*", "[4].tar", from_path(tmp_path / "1.tar")):
        root = detect(source)
        assert (root.kind, root.url) == ("shards", from_path(tmp_path / source.removeprefix(from_path(tmp_path) + "/")))
    with pytest.raises(SourceError, match="no such file"):
        detect("*.jpg")
    assert detect(str(tmp_path), "shards").kind == "shards"
    assert detect(str(tmp_path), "folder").kind == "folder"


@pytest.mark.parametrize(
    ("source", "trouble"),
    [
        ("", "empty"),
        ("./nowhere", "no such file or folder"),
        ("nowhere.csv", "no such file or folder"),
        ("~nobody-of-this-name/x", "home directory"),
        ("x" * 5000, "no such file or folder"),
        ("nul\0", "no such file or folder"),
        ("ftp://example.com/x.jpg", "not an http or https address"),
        ("nomuseum:", "not an http or https address"),
        ("commons:", "kind 'commons' is asked for as commons:"),
        ("commons:Help:X", "kind 'commons' is asked for as commons:"),
        ("commons:Category:", "kind 'commons' is asked for as commons:"),
        ("commons:Category:[x]", "kind 'commons' is asked for as commons:"),
        ("rijksmuseum:SK-C-5", "kind 'rijksmuseum' is asked for as rijksmuseum:"),
        ("met:sunflowers", "kind 'met' is asked for as met:"),
        ("cleveland:q=", "kind 'cleveland' is asked for as cleveland:"),
        ("louvre:" + "x=1&" * 200, "kind 'louvre' is asked for as louvre:"),
        ("http://user:password@example.com/", "user name or password"),
        ("http://[::1", "Invalid IPv6 URL"),
        ("file://server/share/x.jpg", "another machine"),
    ],
)
def test_a_source_of_no_kind_is_refused_with_the_list_of_kinds(source: str, trouble: str) -> None:
    with pytest.raises(SourceError) as caught:
        detect(source)
    message = str(caught.value)
    assert trouble in message
    assert "\n" not in message
    assert all(source.kind in message and source.looks_like in message for source in SOURCES)


def test_a_file_of_no_known_kind_is_called_that(tmp_path: Path) -> None:
    (tmp_path / "notes.doc").write_bytes(b"x")
    with pytest.raises(SourceError, match="a file of no known kind"):
        detect(str(tmp_path / "notes.doc"))


def test_naming_the_kind_overrides_what_it_looks_like(tmp_path: Path) -> None:
    (tmp_path / "urls").write_bytes(b"http://a.com/x.jpg")
    assert detect("https://example.com/x", "image").kind == "image"
    assert detect("https://example.com/x.jpg", "page").kind == "page"
    assert detect("https://example.com/map", "sitemap").url == "https://example.com/map"
    assert detect(str(tmp_path / "urls"), "list").url == from_path(tmp_path / "urls")


@pytest.mark.parametrize(
    ("source", "kind", "expected"),
    [
        ("https://example.com/", "folder", "a directory"),
        ("./nowhere", "folder", "no such file or folder"),
        ("https://example.com/", "nonsense", "expected one of .*page$"),
    ],
)
def test_a_kind_that_cannot_be_is_refused(source: str, kind: str, expected: str) -> None:
    with pytest.raises(SourceError, match=expected):
        detect(source, kind)


@given(st.one_of(st.text(), st.builds("http://{}".format, st.text()), st.builds("file://{}".format, st.text())))
def test_no_string_breaks_detection(source: str) -> None:
    message = ""
    try:
        root = detect(source)
        assert source_for(root.kind).kind == root.kind
    except SourceError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.parametrize("kind", [None, "image"])
def test_bytes_that_are_no_text_are_no_source(kind: str | None) -> None:
    with pytest.raises(SourceError, match="no text in UTF-8"):
        detect("https://example.org/\udcff.jpg", kind)


@pytest.mark.parametrize(
    "options", [{}, {"depth": 2}, {"url_col": "URL", "caption_col": "TEXT", "save_additional_columns": ["a", "b"]}]
)
def test_options_that_are_understood_pass(options: dict[str, object]) -> None:
    check_options(options)


@pytest.mark.parametrize(
    ("options", "named"),
    [({"dept": 1}, "dept"), ({"depth": -1}, "depth"), ({"depth": "deep"}, "depth"), ({"url_col": 3}, "url_col")],
)
def test_options_that_are_not_are_refused_by_name(options: dict[str, object], named: str) -> None:
    with pytest.raises(SourceError, match=named):
        check_options(options)
