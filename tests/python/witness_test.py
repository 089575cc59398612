"""Cosigned by aics-witness and read by aics-tlog: a C2SP witness and a C2SP monitor by other people.

Usage: witness_test.py PATH_TO_LEDGERD PATH_TO_LEDGERCTL

Starts a witness and a ledger that submits to it, on temporary folders and free ports. The cosigned
checkpoint and the tiles, served and exported, must be taken by aics-tlog, and be refused after the
change of any one bit of a tile that is looked at. A second ledger that signs another history with the
same key must be told so by the witness.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request
import uuid

LEDGERD = None
LEDGERCTL = None
TOOLS = pathlib.Path(sys.executable).parent
NAME = "ledger.example.no/python"
ORDERS = 600
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


class Ledger:
    def __init__(self, folder, key, witness_url, witness_vkey):
        folder.mkdir()
        self.tiles = f"http://127.0.0.1:{free_port()}"
        config = folder / "ledgerd.toml"
        config.write_text(
            f"""
[checkpoint]
key_file = {json.dumps(str(key))}
[witness_pace]
interval_seconds = 1
[[witness]]
url = {json.dumps(witness_url)}
key = {json.dumps(witness_vkey)}
[tiles]
listen = {json.dumps(self.tiles.removeprefix("http://"))}
"""
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
        cls.ledger = Ledger(cls.path / "one", cls.key, cls.witness_url, cls.witness_vkey)
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
        self.assertIn("w.example/1: cosigned", self.ledger.checkpoint("--witnesses"))

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
        entry = folder / "tile" / "entries" / "001"
        for tile in (folder / "tile" / "0" / "001", entry):
            before = tile.read_bytes()
            for bit in (0, 8 * 40 + 3):
                changed = bytearray(before)
                changed[bit // 8] ^= 1 << (bit % 8)
                tile.write_bytes(changed)
                self.assertFalse(read(256), f"bit {bit} of {tile}")
            tile.write_bytes(before)
            self.assertTrue(read(256))

    def test_fork_is_told(self):
        fork = Ledger(self.path / "two", self.key, self.witness_url, self.witness_vkey)
        try:
            fork.append(*reversed(self.frameworks))
            told = until(
                "smaller tree told", lambda: contains(fork, "WITNESS_SAW_LARGER_TREE")
            )
            self.assertIn("set back", told)
            fork.append(orders(json.loads(self.frameworks[1]), ORDERS))
            told = until("fork told", lambda: contains(fork, "WITNESS_SAW_OTHER_HISTORY"))
            self.assertIn("another history", told)
        finally:
            fork.stop()
        # The honest ledger goes on.
        self.assertIn("w.example/1: cosigned", self.ledger.checkpoint("--witnesses"))


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
