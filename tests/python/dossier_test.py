"""A dossier judged by a program that is not ours: dossier_figures.py, Python and nothing else.

Usage: dossier_test.py PATH_TO_LEDGERD PATH_TO_LEDGERCTL

Makes dossiers of the agreement of the demo, of a story with every event that moves a figure, and of a
made-up history, at many points of the two times. Every figure must follow; and a file with one figure
changed, or one event left out, must be refused.
"""

import base64
import hashlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import uuid

import dossier_figures
from dossier_file import Schema
from dossier_story import AGREEMENT, later, story

LEDGERD = None
LEDGERCTL = None
NAME = "ledger.example.no/python"


def ledgerctl(*arguments, codes=(0,)):
    run = subprocess.run([LEDGERCTL, *arguments], capture_output=True, text=True, check=False)
    assert run.returncode in codes, (arguments, run)
    return run.stdout


class Ledger:
    """A real ledgerd that signs, in import mode, on a folder that is there or a new one."""

    def __init__(self, folder, data):
        self.folder = folder
        key = folder / "ledger.key"
        self.vkey = ledgerctl("keygen", NAME, "-o", str(key)).strip()
        command = [LEDGERD, "--data-dir", str(data), "--listen", "127.0.0.1:0", "--import-mode"]
        environment = {**os.environ, "LEDGERD_CHECKPOINT__KEY_FILE": str(key)}
        if data.exists():
            # Nothing of it was ever signed.
            subprocess.run([*command, "--first-checkpoint"], env=environment, check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on "), line
        self.url = "http://" + line.removeprefix("listening on ")
        self.made = 0

    def import_lines(self, lines, codes=(0,)):
        file = self.folder / "requests.jsonl"
        file.write_text("\n".join(lines))
        ledgerctl("import", str(file), "--server", self.url, codes=codes)

    def records(self):
        return [json.loads(line) for line in ledgerctl("replay", "--server", self.url).splitlines()]

    def dossier(self, agreement, as_of, as_known=None):
        self.made += 1
        file = self.folder / f"{self.made}.dossier"
        more = ["--as-known", as_known] if as_known else []
        arguments = [agreement, "-o", str(file), "--as-of", as_of, *more, "--server", self.url]
        ledgerctl("dossier", *arguments)
        return file

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        assert code == 0, code


def judged(file):
    said = []
    return dossier_figures.judge(file, said.append), "\n".join(said)


def altered(file, change):
    """The file with something changed and its hash made anew, as the forger would."""
    dossier = json.loads(file.read_text(encoding="utf-8"))
    change(dossier)
    if "completeness" not in dossier:
        dossier["version"] = 1

    def text(sha256):
        return json.dumps({**dossier, "sha256": sha256}, ensure_ascii=False, indent=2) + "\n"

    forged = file.with_suffix(".forged")
    forged.write_text(text(hashlib.sha256(text("").encode()).hexdigest()), encoding="utf-8")
    return forged


def request(agreement, event, recorded):
    append = {"requestId": str(uuid.uuid4()), "agreementId": agreement, "events": [event]}
    return json.dumps({"append": append, "recordedTime": recorded})


class Figures(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, data=None):
        ledger = Ledger(self.folder, data or self.folder / "data")
        self.addCleanup(ledger.stop)
        return ledger

    def follows(self, file):
        code, said = judged(file)
        self.assertEqual(code, 0, said)
        return json.loads(file.read_text(encoding="utf-8"))

    def test_every_figure_of_the_demo_follows(self):
        kept = self.folder / "demo"
        kept.mkdir()
        ledgerctl("demo", "--keep", str(kept))
        ledger = self.start(kept / "data")
        agreement = ledger.records()[0]["agreementId"]
        # The rows of the scenario, and what was known before the last credit note.
        for as_of, as_known, remaining in [
            ("2020-12-10", None, "11550000.00"),
            ("2022-03-01", None, "5450000.00"),
            ("2023-02-01", None, "2700000.00"),
            ("2024-12-01", None, "0.00"),
            ("2024-06-01", "2024-05-31", "700000.00"),
        ]:
            dossier = self.follows(ledger.dossier(agreement, as_of, as_known))
            self.assertEqual(dossier["answer"]["scopes"][0]["remaining"], remaining, as_of)
        self.refused_when_changed(ledger.dossier(agreement, "2024-12-01"), ledger.vkey)

    def refused_when_changed(self, file, vkey):
        scope = json.loads(file.read_text(encoding="utf-8"))["answer"]["scopes"][0]
        for name, value in scope.items():
            if name == "scope":
                continue
            if name in ("kind", "currency"):
                other = {"kind": "CEILING_KIND_ESTIMATE", "currency": "EUR"}[name]
            elif name == "usagePpm":
                other = value + 1
            else:
                # One øre.
                other = f"{dossier_figures.Decimal(value) + dossier_figures.Decimal('0.01'):.2f}"
            change = lambda dossier: dossier["answer"]["scopes"][0].update({name: other})
            forged = altered(file, change)
            code, said = judged(forged)
            self.assertEqual(code, 1, said)
            self.assertIn(f"{name} is stated as {other}, and {value} follows", said)
            ledgerctl("verify-dossier", str(forged), "--vkey", vkey, codes=(1,))
        missing = altered(file, lambda dossier: dossier["answer"]["scopes"][0].pop("exposure"))
        self.assertEqual(judged(missing)[0], 1)

    def test_every_event_that_moves_a_figure_is_derived(self):
        ledger = self.start()
        told = [request(agreement, event, recorded) for agreement, event, recorded in story()]
        ledger.import_lines(told)
        ids = {}
        for record in ledger.records():
            source = record["event"]["event"].get("source") or {}
            ids[source.get("eventId")] = record["event"]["eventId"]
        ledger.import_lines([request(one, event, recorded) for one, event, recorded in later(ids)])
        records = [one for one in ledger.records() if one["agreementId"] == AGREEMENT]
        kinds = {dossier_kind(record) for record in records}
        self.assertEqual(kinds, dossier_figures.WITH_EFFECT, "the story has all of them")
        days = sorted({record["event"]["event"]["effectiveDate"] for record in records})
        for day in days[1:]:
            self.follows(ledger.dossier(AGREEMENT, day))
        for record in records[3:]:
            self.follows(ledger.dossier(AGREEMENT, days[-1], record["recordedTime"]))
        file = ledger.dossier(AGREEMENT, days[-1])
        self.refused_when_changed(file, ledger.vkey)
        self.refused_when_left_out(file)
        self.is_encoded_by_the_rule(file)

    def is_encoded_by_the_rule(self, file):
        dossier = json.loads(file.read_text(encoding="utf-8"))
        schema = Schema(base64.b64decode(dossier["schema"]))
        name = ".contractledger.v1.Record"
        for given in dossier["records"]:
            stored = base64.b64decode(given["record"])
            self.assertIsNone(schema.why_not_by_the_rule(name, stored), given["position"])
        # Field 6 is 1 in every record of the story: the same, written longer; a default; the other order.
        at = stored.index(b"\x30\x01")
        for other in (b"\x30\x81\x00", b"\x30\x00", b"\x30\x01\x30\x01"):
            spelled = stored[:at] + other + stored[at + 2 :]
            self.assertIsNotNone(schema.why_not_by_the_rule(name, spelled), other)

    def refused_when_left_out(self, file):
        self.assertIn("completeness", self.follows(file), "other agreements came after")

        def refused(change, text):
            code, said = judged(altered(file, change))
            self.assertEqual(code, 1, said)
            self.assertIn(text, said)

        refused(lambda dossier: dossier["records"].pop(), "do not reach over what is open")
        refused(lambda dossier: dossier["records"].pop(4), "one is left out")
        refused(lambda dossier: dossier.pop("completeness"), "not proved that no event was left out")

        def hide_a_leaf(dossier):
            row = dossier["completeness"]
            row["leaves"] = bundle_of(leaves_of(row["leaves"])[:-1])

        refused(hide_a_leaf, "too few leaves or hashes")

        def rename_a_leaf(dossier):
            row = dossier["completeness"]
            first, *others = leaves_of(row["leaves"])
            row["leaves"] = bundle_of([first[:-1] + b"x", *others])

        refused(rename_a_leaf, "the leaves behind the newest event were altered")

    def test_a_made_up_history_follows(self):
        ledger = self.start()
        scale = ["--scale", "0.0005", "--from", "2024-01-01", "--to", "2024-12-31"]
        # Exit code 1: some of it is refused, as it should be.
        ledger.import_lines(ledgerctl("generate", *scale).splitlines(), codes=(0, 1))
        agreements = sorted({one["agreementId"] for one in ledger.records() if "event" in one})
        self.assertGreater(len(agreements), 10)
        for agreement in agreements:
            for as_known in (None, "2024-08-15"):
                self.follows(ledger.dossier(agreement, "2024-12-31", as_known))


def dossier_kind(record):
    """The kind of an event as the proto files name its field."""
    return record["event"]["type"].removeprefix("EVENT_TYPE_").lower()


def leaves_of(text):
    bundle, leaves = base64.b64decode(text), []
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        leaves.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    return leaves


def bundle_of(leaves):
    return base64.b64encode(b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)).decode()


if __name__ == "__main__":
    LEDGERD, LEDGERCTL = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])
