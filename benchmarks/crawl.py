"""A crawl over many hosts, killed again and again: is every picture there, and was each fetched once?

The network of the model is a stand-in; the sites count what they are asked for. What a site was still sending when the
process was killed is asked for again; ``fetched_twice`` counts what it had sent to the end more than once.

python -m benchmarks.crawl --pictures 20000 --hosts 50 --kills 10
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.processes import Artalike, doctor
from benchmarks.report import refuse, report
from benchmarks.town import town


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=20_000)
    parser.add_argument("--hosts", type=int, default=50)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rate", type=float, default=50.0, help="requests a second to one host")
    parser.add_argument("--seed", type=int, default=0, help="of the random moments")
    options = parser.parse_args()
    if not 1 <= options.hosts <= 250 or options.pictures < options.hosts:
        refuse(f"--hosts {options.hosts}: expected 1 to 250, and at least a picture for each")
    summary = run(options.pictures, options.hosts, options.kills, options.rate, random.Random(options.seed))
    whole = summary["images"] == summary["pictures"] and summary["doctor"]
    return 0 if whole and not summary["fetched_twice"] else 1


def run(pictures: int, hosts: int, kills: int, rate: float, moments: random.Random) -> dict[str, Any]:
    """The crawl, printed and returned."""
    pictures -= pictures % hosts
    with tempfile.TemporaryDirectory() as temporary, town(pictures, hosts) as sites:
        data = Path(temporary) / "data"
        at = sorted(moments.uniform(0.02, 0.98) * pictures for _ in range(kills))
        started = time.monotonic()
        images = _crawl(data, sites, at, rate)
        seconds = time.monotonic() - started
        with urllib.request.urlopen(f"{sites[0]}/count", timeout=60) as answer:
            counted = json.load(answer)
        healthy = doctor(data)
    asked, sent = counted["asked"], counted["sent"]
    summary = {
        "pictures": pictures,
        "hosts": hosts,
        "kills": kills,
        "images": images,
        "fetched": len(sent),
        "fetched_twice": sum(count > 1 for count in sent.values()),
        "asked_twice": sum(count > 1 for count in asked.values()),
        "seconds": round(seconds, 1),
        "images_per_s": round(images / seconds, 1),
        "doctor": healthy,
    }
    report(f"A crawl of {pictures} pictures over {hosts} hosts, killed {kills} times", [summary], summary)
    return summary


def _crawl(data: Path, sites: list[str], kill_at: list[float], rate: float) -> int:
    # Every page of a sitemap is a request, too; here only its pictures matter.
    settings = {"ARTALIKE_CRAWL__MAX_DOCUMENTS": "1", "ARTALIKE_CRAWL__HOST_RATE": str(rate)}
    waiting, seeded = list(kill_at), False
    while True:
        server = Artalike(data, settings, module="benchmarks.tiny")
        server.wait()
        for site in () if seeded else sites:
            server.seed(f"{site}/sitemap.xml")
        seeded = True
        while True:
            stats = server.call("/api/stats")
            if waiting and stats["images"] >= waiting[0]:
                waiting.pop(0)
                server.kill()
                break
            if not stats["pending"] and stats["images"]:
                server.stop()
                return int(stats["images"])
            time.sleep(random.uniform(0.01, 0.2))


if __name__ == "__main__":
    sys.exit(main())
