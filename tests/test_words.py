"""Words, from a source's metadata to the API."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from artalike.records import FloatArray
from tests.running import TinyNetwork, client, running, settings_for, settled
from tests.sites import MisbehavingSite, draw

TITLES = ("Große Welle", "Welle und Fels", "Felsküste", "")


class Speaking(TinyNetwork):
    """Takes a text for a picture of one shade, the brighter the longer it is."""

    def embed_texts(self, texts: Sequence[str]) -> FloatArray:
        return self.embed(np.stack([np.full((32, 32, 3), min(255, 10 * len(text)), np.uint8) for text in texts]))


async def asked(api: aiohttp.ClientSession, question: dict[str, Any]) -> dict[str, Any]:
    async with api.post("/api/search", json=question) as response:
        assert response.status == 200, await response.text()
        answer: dict[str, Any] = await response.json()
    return answer


async def test_what_a_source_says_is_found_by_words_until_it_is_taken_down(tmp_path: Path) -> None:
    async with MisbehavingSite() as site, running(settings_for(tmp_path / "data")) as service, client(service) as api:
        listed = tmp_path / "list.csv"
        rows = [f"{site.put(f'/{number}.jpg', draw(number))},{title}" for number, title in enumerate(TITLES)]
        listed.write_text("\n".join(["url,title", *rows]))
        await service.add_seed(str(listed))
        await settled(service)

        answer = await asked(api, {"text": "WELLE"})
        assert {image["title"] for image in answer["results"]} == {"Große Welle", "Welle und Fels"}
        assert (answer["used"], answer["next"], answer["total"]) == (["words"], None, 2)
        rock = (await asked(api, {"text": "felskuste"}))["results"][0]
        both = await asked(api, {"like": [rock["id"]], "text": "welle"})
        assert (both["used"], len(both["results"])) == (["likeness", "words"], 4)

        await service.removal.take_down([image["id"] for image in answer["results"]])
        assert (await asked(api, {"text": "welle"}))["results"] == []


async def test_a_model_with_a_text_encoder_answers_texts_with_all_that_is_there(tmp_path: Path) -> None:
    async with (
        MisbehavingSite() as site,
        running(settings_for(tmp_path / "data"), network=Speaking) as service,
        client(service) as api,
    ):
        listed = tmp_path / "list.csv"
        rows = [f"{site.put(f'/{number}.jpg', draw(number))},{title}" for number, title in enumerate(TITLES)]
        listed.write_text("\n".join(["url,title", *rows]))
        await service.add_seed(str(listed))
        await settled(service)

        answer = await asked(api, {"text": "WELLE"})
        assert (answer["used"], answer["total"], len(answer["results"])) == (["words", "text"], 4, 4)
        assert all(-1 <= image["score"] <= 1 for image in answer["results"])
        bright = await asked(api, {"text": "nobody has written this of any"})
        assert bright["used"] == ["text"]
        scores = [image["score"] for image in bright["results"]]
        assert scores == sorted(scores, reverse=True)
        assert len(set(scores)) == 4
        assert await asked(api, {"text": "nobody has written this of any"}) == bright
        assert service.batcher.statistics().texts == 2
