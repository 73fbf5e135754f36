from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from artalike.errors import FolderInUse, StorageError
from artalike.storage.folder import DataFolder

HOLD = """
import sys, time
from pathlib import Path
from artalike.storage.folder import DataFolder
folder = DataFolder(Path(sys.argv[1]))
with folder.locked():
    folder.announce("http://127.0.0.1:1")
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_process_is_refused_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    with subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with (
            pytest.raises(FolderInUse, match=rf"in use by process {holder.pid} at http://127\.0\.0\.1:1"),
            folder.locked(),
        ):
            pass
        assert folder.server() == {"pid": holder.pid, "url": "http://127.0.0.1:1"}
        holder.kill()
    assert folder.server() is None
    with folder.locked():
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="expected a writable folder"):
        DataFolder(tmp_path / "file" / "data").create()


def test_the_token_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path)
    assert folder.token() is None
    token = folder.make_token()
    assert len(token) >= 32
    assert folder.make_token() == folder.token() == token
    assert stat.S_IMODE(folder.token_file.stat().st_mode) == 0o600
