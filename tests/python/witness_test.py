"""Cosigned by aics-witness and read by aics-tlog: a C2SP witness and a C2SP monitor by other people.

Usage: witness_test.py PATH_TO_LEDGERD PATH_TO_LEDGERCTL

Starts a witness and a ledger that submits to it, on temporary folders and free ports. The cosigned
checkpoint and the tiles, served and exported, must be taken by aics-tlog, and be refused after the
change of one bit: every bit of the checkpoint, of each partial tile and of a bundle, and seeded bits of
every other file. A second ledger that signs another history with the
same key must be told so by the witness.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import uuid

from aics_tlog import checkpoint as checkpoints
from aics_tlog import note as notes
from aics_tlog import tiles as layout
from aics_tlog import verified

LEDGERD = None
LEDGERCTL = None
TOOLS = pathlib.Path(sys.executable).parent
NAME = "ledger.example.no/python"
# With the 22 agreements two full tiles and a partial one.
ORDERS = 510
# Flips in each file of which not every bit is tried.
FLIPS = 64
PATIENCE = 60


def run(*command, check=True):
    return subprocess.run(command, check=check, capture_output=True, text=True)


def ledgerctl(*arguments):
    return run(LEDGERCTL, *arguments).stdout


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, check):
    """Asks until there is an answer, and fails with what it last heard."""
    end = time.monotonic() + PATIENCE
    while True:
        with contextlib.suppress(subprocess.CalledProcessError, OSError):
            found = check()
            if found:
                return found
        if time.monotonic() > end:
            raise AssertionError(f"in {PATIENCE} s there was no {what}")
        time.sleep(0.1)


WITNESSED = """
[witness_pace]
interval_seconds = 1
[[witness]]
url = {url}
key = {key}
"""


class Ledger:
    def __init__(self, folder, key, witness=None):
        folder.mkdir(exist_ok=True)
        self.tiles = f"http://127.0.0.1:{free_port()}"
        # Its own copy: what a key has signed is kept beside it, and binds whoever signs with it.
        own = folder / "ledger.key"
        if not own.exists():
            shutil.copy2(key, own)
        config = folder / "ledgerd.toml"
        config.write_text(
            f"""
[checkpoint]
key_file = {json.dumps(str(own))}
newest_file = {json.dumps(str(folder / "newest"))}
[tiles]
listen = {json.dumps(self.tiles.removeprefix("http://"))}
"""
            + (WITNESSED.format(url=json.dumps(witness[0]), key=json.dumps(witness[1])) if witness else "")
        )
        command = [LEDGERD, "--config", str(config), "--data-dir", str(folder / "data")]
        self.process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on "), line
        self.url = f"http://{line.removeprefix('listening on ')}"
        self.requests = folder / "requests.jsonl"

    def append(self, *lines):
        self.requests.write_text("\n".join(lines))
        ledgerctl("append", "--server", self.url, str(self.requests))

    def checkpoint(self, *flags):
        return ledgerctl("checkpoint", "--server", self.url, *flags)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=PATIENCE) == 0
        self.process.stdout.close()


def orders(agreement, count):
    signed = agreement["events"][0]["agreementSigned"]
    events = [
        {
            "effectiveDate": signed["term"]["startDate"],
            "admissionMode": "ADMISSION_MODE_FACT",
            "orderPlaced": {
                "orderId": f"O{number}",
                "buyer": signed["buyers"][0]["id"],
                "supplier": signed["suppliers"][0]["id"],
                "amount": {"amount": "10.00", "currency": "NOK"},
            },
        }
        for number in range(count)
    ]
    request = {
        "requestId": str(uuid.uuid4()),
        "agreementId": agreement["agreementId"],
        "events": events,
    }
    return json.dumps(request)


class Witnessed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        cls.key = cls.path / "ledger.key"
        cls.vkey = ledgerctl("keygen", NAME, "-o", str(cls.key)).strip()
        config = str(cls.path / "witness.json")
        port = free_port()
        witness = str(TOOLS / "aics-witness")
        run(witness, "init", "-c", config, "--name", "w.example/1", "--listen", f"127.0.0.1:{port}")
        run(witness, "add-log", "-c", config, "--origin", NAME, "--vkey", cls.vkey)
        status = json.loads(run(witness, "status", "-c", config, "--json").stdout)
        cls.witness_vkey = find_vkey(status)
        cls.witness_url = f"http://127.0.0.1:{port}"
        cls.witness = subprocess.Popen(
            [witness, "serve", "-c", config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until("witness", lambda: urllib.request.urlopen(f"{cls.witness_url}/healthz").status == 200)
        cls.frameworks = ledgerctl("frameworks").splitlines()
        cls.asked = (cls.witness_url, cls.witness_vkey)
        cls.ledger = Ledger(cls.path / "one", cls.key, cls.asked)
        cls.ledger.append(*cls.frameworks)
        cls.ledger.append(orders(json.loads(cls.frameworks[0]), ORDERS))
        cls.size = len(cls.frameworks) + ORDERS
        cls.cosigned = until("cosignature of everything", cls.cosigned_checkpoint)

    @classmethod
    def cosigned_checkpoint(cls):
        text = cls.ledger.checkpoint("--cosigned", "1")
        return text if text.split("\n")[1] == str(cls.size) else None

    @classmethod
    def tearDownClass(cls):
        cls.ledger.stop()
        cls.witness.send_signal(signal.SIGTERM)
        cls.witness.wait(timeout=PATIENCE)
        cls.folder.cleanup()

    def tlog(self, command, *arguments):
        trust = ["--log-key", self.vkey, "--witness-key", self.witness_vkey, "--quorum", "1"]
        return run(str(TOOLS / "aics-tlog"), command, *trust, *arguments, check=False)

    def test_checkpoint_is_cosigned(self):
        note = self.path / "cosigned.checkpoint"
        note.write_text(self.cosigned)
        taken = self.tlog("verify-checkpoint", "--note", str(note), "--origin", NAME)
        self.assertEqual(taken.returncode, 0, taken.stderr)
        # The newest without a cosignature is not enough for whoever asks for one.
        alone = "\n".join(line for line in self.cosigned.split("\n") if "w.example" not in line)
        note.write_text(alone)
        refused = self.tlog("verify-checkpoint", "--note", str(note), "--origin", NAME)
        self.assertNotEqual(refused.returncode, 0)
        self.assertRegex(self.ledger.checkpoint("--witnesses"), r"w.example/1: cosigned \d+ records .* ago")

    def test_served_tiles_are_read(self):
        for index in (0, 255, 256, self.size - 1):
            taken = self.tlog("verify-inclusion", "--tiles", self.ledger.tiles, "--index", str(index))
            self.assertEqual(taken.returncode, 0, taken.stderr)

    def test_exported_tiles_are_read_and_refused_when_changed(self):
        folder = self.path / "tiles"
        export = [
            "export-tiles", "--server", self.ledger.url, str(folder),
            "--vkey", self.vkey, "--cosigned", "1",
        ]
        self.assertIn(f"{self.size} records, {self.size} of them new", ledgerctl(*export))
        self.assertIn(f"{self.size} records, 0 of them new", ledgerctl(*export))

        def read(index):
            asked = ["--tiles", str(folder), "--index", str(index)]
            return self.tlog("verify-inclusion", *asked).returncode == 0

        for index in (0, 300, self.size - 1):
            self.assertTrue(read(index))
        tile = folder / "tile" / "0" / "001"
        before = tile.read_bytes()
        tile.write_bytes(flipped(before, 8 * 40 + 3))
        self.assertFalse(read(256))
        tile.write_bytes(before)
        self.assertTrue(read(256))
        self.refuse_changes({
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        })

    def head(self, text):
        """Size and root of a checkpoint that the ledger and the witness signed."""
        with contextlib.suppress(Exception):
            result = checkpoints.verify_checkpoint(
                notes.parse_note(text.decode()),
                notes.parse_vkey(self.vkey),
                [notes.parse_vkey(self.witness_vkey)],
                1,
                expected_origin=NAME,
            )
            return (result.size, result.root) if result.ok else None
        return None

    def refuse_changes(self, files):
        size, root = self.head(files["checkpoint"])
        report = verified.audit_tiles(layout.MemoryTileReader(files), size, root)
        looked_at = 1 + report.tiles + report.bundles
        self.assertEqual((size, looked_at), (self.size, len(files)), "every file is looked at")
        rest = size % 256
        self.assertTrue(0 < rest < 64, "few enough hashes to try every bit of them")
        partial = [f"tile/0/002.p/{rest}", "tile/1/000.p/2", f"tile/entries/002.p/{rest}"]
        self.assertLessEqual(set(partial), set(files))
        seed = int.from_bytes(os.urandom(4))
        chosen = random.Random(seed)
        for path, before in files.items():
            bits = range(len(before) * 8)
            if path not in ["checkpoint", *partial]:
                bits = chosen.sample(bits, FLIPS)
            for bit in bits:
                changed = {**files, path: flipped(before, bit)}
                with self.subTest(path=path, bit=bit, seed=seed):
                    self.assertFalse(self.takes_file(changed, path, size, root))

    def takes_file(self, files, path, size, root):
        """Whether the file is proved to be the one of the tree; a whole audit looks at each so."""
        if path == "checkpoint":
            return self.head(files[path]) is not None
        reader = verified.VerifiedTileReader(layout.MemoryTileReader(files), size, root)
        try:
            if path.startswith("tile/entries/"):
                found = reader.read_entry_bundle(*layout.parse_entry_bundle_path(path))
            else:
                found = reader.read_tile(*layout.parse_tile_path(path))
        except layout.TileVerificationError:
            return False
        self.assertIsNotNone(found, path)
        return True

    def assert_signs_nothing(self, ledger):
        refused = run(LEDGERCTL, "checkpoint", "--server", ledger.url, check=False)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("CHECKPOINT_INCONSISTENT", refused.stderr)
        with self.assertRaises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(f"{ledger.tiles}/checkpoint")
        self.assertEqual(told.exception.code, 503)

    def test_fork_is_told(self):
        """The same key signs another history where nothing of the first one is kept."""
        smaller = Ledger(self.path / "smaller", self.key, self.asked)
        try:
            smaller.append(*reversed(self.frameworks))
            told = until(
                "smaller tree told", lambda: contains(smaller, "WITNESS_SAW_LARGER_TREE")
            )
            self.assertIn("set back", told)
            self.assert_signs_nothing(smaller)
        finally:
            smaller.stop()
        larger = Ledger(self.path / "larger", self.key)
        try:
            larger.append(*reversed(self.frameworks))
            larger.append(orders(json.loads(self.frameworks[1]), ORDERS + 1))
            larger.checkpoint()
        finally:
            larger.stop()
        larger = Ledger(self.path / "larger", self.key, self.asked)
        try:
            told = until("fork told", lambda: contains(larger, "WITNESS_SAW_OTHER_HISTORY"))
            self.assertIn("another history", told)
            self.assert_signs_nothing(larger)
        finally:
            larger.stop()
        # The honest ledger goes on.
        self.assertIn("w.example/1: cosigned", self.ledger.checkpoint("--witnesses"))


def flipped(data, bit):
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << (bit % 8)
    return bytes(changed)


def contains(ledger, reason):
    text = ledger.checkpoint("--witnesses")
    return text if reason in text else None


def find_vkey(status):
    """The witness's own key in what its status says, wherever it stands there."""
    for value in status.values():
        if isinstance(value, str) and value.startswith("w.example/1+"):
            return value
        if isinstance(value, dict):
            found = find_vkey(value)
            if found:
                return found
    return None


if __name__ == "__main__":
    LEDGERD, LEDGERCTL = (os.path.abspath(path) for path in sys.argv[1:3])
    unittest.main(argv=sys.argv[:1])
