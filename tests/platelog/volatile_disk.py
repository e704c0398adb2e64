"""A disk with a cache that a power cut empties: `python volatile_disk.py STORE MOUNT_POINT [--others]`, and kill it.

What was written is in memory until fsync; a name (created, renamed, removed) until its folder's fsync. STORE holds
only what survives: `objects/N` the synced content of node N, `names.json` the synced names.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
import sys
import time
from pathlib import Path
from typing import Any

import mfusepy


class Node:
    """A file (`content`) or a folder (None)."""

    def __init__(self, number: int, content: bytearray | None, mode: int) -> None:
        self.number = number
        self.content = content
        self.mode = mode


class VolatileDisk(mfusepy.Operations):
    """The names and contents as they are now; STORE has those that survive."""

    use_ns = True

    def __init__(self, store: Path) -> None:
        self.objects, self.names_file = store / "objects", store / "names.json"
        self.objects.mkdir(parents=True, exist_ok=True)
        self.durable: dict[str, list[int]] = json.loads(self.names_file.read_text()) if self.names_file.exists() else {}
        self.nodes = {"/": Node(0, None, 0o755)}
        for path, (number, mode, is_folder) in self.durable.items():
            kept = self.objects / str(number)
            content = None if is_folder else bytearray(kept.read_bytes() if kept.exists() else b"")
            self.nodes[path] = Node(number, content, mode)
        self.numbers = itertools.count(1 + max((int(path.name) for path in self.objects.iterdir()), default=0))

    def node(self, path: str) -> Node:
        if path not in self.nodes:
            raise mfusepy.FuseOSError(errno.ENOENT)
        return self.nodes[path]

    def add(self, path: str, content: bytearray | None, mode: int) -> int:
        number = next(self.numbers)
        (self.objects / str(number)).touch()
        self.nodes[path] = Node(number, content, mode & 0o777)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        node = self.node(path)
        unfinished = self.objects.parent / "unfinished"
        unfinished.write_bytes(node.content or b"")
        unfinished.replace(self.objects / str(node.number))
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        inside = path.rstrip("/") + "/"

        def is_child(name: str) -> bool:
            return name.startswith(inside) and "/" not in name[len(inside) :] and name != "/"

        kept = {name: entry for name, entry in self.durable.items() if not is_child(name)}
        for name, node in self.nodes.items():
            if is_child(name):
                kept[name] = [node.number, node.mode, int(node.content is None)]
        # A name below a folder whose own name is gone or new goes with that folder.
        self.durable = kept
        unfinished = self.names_file.with_suffix(".new")
        unfinished.write_text(json.dumps(kept))
        unfinished.replace(self.names_file)
        return 0

    def getattr(self, path: str, fh: Any = None) -> dict[str, Any]:
        node, now = self.node(path), time.time_ns()
        kind = stat.S_IFDIR if node.content is None else stat.S_IFREG
        return {"st_mode": kind | node.mode, "st_nlink": 1, "st_size": len(node.content or b""), "st_uid": os.getuid(),
                "st_gid": os.getgid(), "st_atime": now, "st_mtime": now, "st_ctime": now, "st_ino": node.number}

    def readdir(self, path: str, fh: int) -> list[str]:
        inside = path.rstrip("/") + "/"
        names = [name[len(inside) :] for name in self.nodes if name.startswith(inside) and name != "/"]
        return [".", "..", *(name for name in names if "/" not in name)]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return self.add(path, bytearray(), mode)

    def mkdir(self, path: str, mode: int) -> int:
        return self.add(path, None, mode)

    def open(self, path: str, flags: int) -> int:
        self.node(path)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return bytes((self.node(path).content or b"")[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        content = self.node(path).content
        if len(content) < offset:
            content.extend(bytes(offset - len(content)))
        content[offset : offset + len(data)] = data
        return len(data)

    def truncate(self, path: str, length: int, fh: Any = None) -> int:
        content = self.node(path).content
        del content[length:]
        content.extend(bytes(length - len(content)))
        return 0

    def unlink(self, path: str) -> int:
        self.node(path)
        del self.nodes[path]
        return 0

    rmdir = unlink

    def rename(self, old: str, new: str, flags: int = 0) -> int:
        self.node(old)
        for name in [name for name in self.nodes if name == old or name.startswith(old + "/")]:
            self.nodes[new + name[len(old) :]] = self.nodes.pop(name)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        self.node(path)  # all who may use the disk own it
        return 0

    def chmod(self, path: str, mode: int) -> int:
        self.node(path).mode = mode & 0o777
        return 0

    def utimens(self, path: str, times: Any = None) -> int:
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 20, "f_bfree": 1 << 19, "f_bavail": 1 << 19}


if __name__ == "__main__":
    mfusepy.FUSE(VolatileDisk(Path(sys.argv[1])), sys.argv[2], foreground=True, nothreads=True,
                 allow_other="--others" in sys.argv)
