"""Judged by aics-tlog, a C2SP implementation in another language by other people.

Usage: proofs_test.py PATH_TO_LEDGERD PATH_TO_LEDGERCTL PATH_TO_PROTO_FOLDER

Starts the server with a key of its own on a temporary folder and a free port and appends events. Its
checkpoints, inclusion and consistency proofs and receipts must be taken, and be refused after the
change of any one bit.
"""

import contextlib
import importlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import uuid

import grpc
from aics_tlog import checkpoint as checkpoints
from aics_tlog import note as notes
from aics_tlog import tree

LEDGERD = None
LEDGERCTL = None
PROTO = None
NAME = "ledger.example.no/python"
ORDERS = 300


def ledgerctl(*arguments, **more):
    run = subprocess.run(
        [LEDGERCTL, *arguments], check=True, capture_output=True, text=True, **more
    )
    return run.stdout


def generate(folder):
    from grpc_tools import protoc

    well_known = pathlib.Path(protoc.__file__).parent / "_proto"
    files = [str(path) for path in sorted(pathlib.Path(PROTO).rglob("*.proto"))]
    flags = [f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}", f"--grpc_python_out={folder}"]
    assert protoc.main(["protoc", *flags, *files]) == 0
    sys.path.insert(0, folder)


def bits(data):
    for place in range(len(data) * 8):
        changed = bytearray(data)
        changed[place // 8] ^= 1 << (place % 8)
        yield bytes(changed)


def holds(check):
    with contextlib.suppress(Exception):
        return bool(check())
    return False


class Proofs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(cls.folder.name)
        key = folder / "ledger.key"
        cls.vkey = notes.parse_vkey(ledgerctl("keygen", NAME, "-o", str(key)).strip())
        command = [LEDGERD, "--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0"]
        cls.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "LEDGERD_CHECKPOINT__KEY_FILE": str(key)},
        )
        line = cls.process.stdout.readline().strip()
        assert line.startswith("listening on "), line
        address = line.removeprefix("listening on ")
        cls.url = f"http://{address}"
        generated = folder / "generated"
        generated.mkdir()
        generate(str(generated))
        cls.messages = importlib.import_module("contractledger.v1.audit_service_pb2")
        services = importlib.import_module("contractledger.v1.audit_service_pb2_grpc")
        cls.channel = grpc.insecure_channel(address)
        cls.audit = services.AuditServiceStub(cls.channel)
        frameworks = ledgerctl("frameworks").splitlines()
        lines = folder / "requests.jsonl"
        lines.write_text("\n".join(frameworks))
        ledgerctl("append", "--server", cls.url, str(lines))
        cls.first = cls.audit.GetCheckpoint(cls.messages.GetCheckpointRequest())
        agreement = json.loads(frameworks[0])
        request = {
            "requestId": str(uuid.uuid4()),
            "agreementId": agreement["agreementId"],
            "events": [placing(agreement, number) for number in range(ORDERS)],
        }
        lines.write_text(json.dumps(request))
        ledgerctl("append", "--server", cls.url, str(lines))
        cls.last = cls.audit.GetCheckpoint(cls.messages.GetCheckpointRequest())

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.process.send_signal(signal.SIGTERM)
        assert cls.process.wait(timeout=30) == 0
        cls.process.stdout.close()
        cls.folder.cleanup()

    def verified(self, text):
        result = checkpoints.verify_checkpoint(
            notes.parse_note(text), self.vkey, expected_origin=NAME
        )
        return result if result.ok else None

    def test_checkpoint(self):
        result = self.verified(self.last.checkpoint)
        self.assertEqual((result.size, result.root), (self.last.tree_size, self.last.root))
        self.assertGreater(result.size, ORDERS)
        for changed in bits(self.last.checkpoint.encode()):
            self.assertFalse(holds(lambda text=changed: self.verified(text)), changed)

    def test_inclusion(self):
        size = self.last.tree_size
        for position in (0, 7, size // 2, size - 1):
            proof = self.audit.GetInclusionProof(
                self.messages.GetInclusionProofRequest(position=position, tree_size=size)
            )
            path = list(proof.hashes)

            def check(leaf=proof.leaf, index=position, path=path, root=self.last.root):
                return tree.verify_leaf_inclusion(leaf, index, size, path, root)

            self.assertTrue(check())
            self.assertFalse(holds(lambda: check(index=(position + 1) % size)))
            for changed in bits(proof.leaf):
                self.assertFalse(holds(lambda leaf=changed: check(leaf=leaf)))
            for changed in bits(self.last.root):
                self.assertFalse(holds(lambda root=changed: check(root=root)))
            for place, one in enumerate(path):
                for changed in bits(one):
                    altered = [*path[:place], changed, *path[place + 1 :]]
                    self.assertFalse(holds(lambda altered=altered: check(path=altered)))

    def test_consistency(self):
        old, new = self.first, self.last
        proof = self.audit.GetConsistencyProof(
            self.messages.GetConsistencyProofRequest(from_size=old.tree_size, to_size=new.tree_size)
        )
        path = list(proof.hashes)

        def check(path=path, old_root=old.root, new_root=new.root):
            return tree.verify_consistency(old.tree_size, new.tree_size, old_root, new_root, path)

        self.assertTrue(check())
        for changed in bits(old.root):
            self.assertFalse(holds(lambda root=changed: check(old_root=root)))
        for changed in bits(new.root):
            self.assertFalse(holds(lambda root=changed: check(new_root=root)))
        for place, one in enumerate(path):
            for changed in bits(one):
                altered = [*path[:place], changed, *path[place + 1 :]]
                self.assertFalse(holds(lambda altered=altered: check(path=altered)))

    def receipt_holds(self, text):
        head, signed = text.split("\n\n", 1)
        first, extra, index, *path = head.split("\n")
        if first != "c2sp.org/tlog-proof@v1":
            return False
        result = self.verified(signed)
        leaf = notes.b64_decode(extra.removeprefix("extra "))
        path = [notes.b64_decode(line) for line in path]
        index = int(index.removeprefix("index "))
        return result and tree.verify_leaf_inclusion(leaf, index, result.size, path, result.root)

    def test_receipt(self):
        text = ledgerctl("receipt", "--server", self.url, "--position", "42")
        self.assertTrue(self.receipt_holds(text))
        for changed in bits(text.encode()):
            text = changed.decode("utf-8", errors="replace")
            # The words that a reader of the lines looks for are not what is proved.
            self.assertFalse(holds(lambda text=text: self.receipt_holds(text)), text)


def placing(agreement, number):
    signed = agreement["events"][0]["agreementSigned"]
    return {
        "effectiveDate": signed["term"]["startDate"],
        "admissionMode": "ADMISSION_MODE_FACT",
        "orderPlaced": {
            "orderId": f"O{number}",
            "buyer": signed["buyers"][0]["id"],
            "supplier": signed["suppliers"][0]["id"],
            "amount": {"amount": "10.00", "currency": "NOK"},
        },
    }


if __name__ == "__main__":
    LEDGERD, LEDGERCTL, PROTO = sys.argv[1:4]
    unittest.main(argv=sys.argv[:1])
