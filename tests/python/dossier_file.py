"""Reads a dossier with the standard library alone, and checks what it rests on.

A second reading of docs/dossier.md and docs/proofs.md, written beside the ledger and not out of it: the
file's hash, the tree (RFC 6962), the records by the schema that the file carries, the order of versions,
and that no event was left out. The signature under the checkpoint is not checked here, because Python has
no Ed25519: any verifier of C2SP notes does that.
"""

import base64
import datetime
import hashlib
import json
import struct


class Refused(Exception):
    """The file does not hold; the text names what is wrong."""


def require(condition, text):
    if not condition:
        raise Refused(text)


# --- The tree of RFC 6962 --------------------------------------------------------------------------


def leaf_hash(leaf):
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left, right):
    return hashlib.sha256(b"\x01" + left + right).digest()


def middle(start, end):
    """Where a subtree of two leaves or more is split: the largest power of two below the whole."""
    return start + (1 << ((end - start - 1).bit_length() - 1))


def root_by_inclusion(index, size, leaf, proof):
    """Follows an inclusion proof, whose hashes stand from the leaf upwards."""
    rest = list(proof)

    def climb(start, end):
        if end - start == 1:
            return leaf_hash(leaf)
        split = middle(start, end)
        if index < split:
            below = climb(start, split)
            return node_hash(below, rest.pop(0))
        below = climb(split, end)
        return node_hash(rest.pop(0), below)

    require(index < size, f"there is no leaf {index} in a tree of {size}")
    try:
        root = climb(0, size)
    except IndexError:
        raise Refused(f"the proof of position {index} is too short") from None
    require(not rest, f"the proof of position {index} is too long")
    return root


def root_by_row(first, size, leaves, beside):
    """Follows a row of leaves with the hashes to its left and right, from left to right."""
    end = first + len(leaves)
    leaves, beside = iter(leaves), iter(beside)

    def walk(start, stop):
        if stop <= first or start >= end:
            return next(beside)
        if stop - start == 1:
            return leaf_hash(next(leaves))
        split = middle(start, stop)
        left = walk(start, split)
        return node_hash(left, walk(split, stop))

    require(first < end <= size, f"there is no row from {first} up to {end} in a tree of {size}")
    try:
        root = walk(0, size)
    except StopIteration:
        raise Refused("there are too few leaves or hashes beside them") from None
    require(next(leaves, None) is None and next(beside, None) is None, "there are too many hashes")
    return root


# --- Protocol buffers, read by the descriptors in the file -----------------------------------------

VARINT, BYTES = 0, 2
# google.protobuf.FieldDescriptorProto.Type
STRING, MESSAGE, BYTES_TYPE, BOOL, ENUM = 9, 11, 12, 8, 14
INTEGERS = {3, 4, 5, 13}
SIGNED = {3, 5}
REPEATED = 3


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    """Number and content of every field as it stands on the wire."""
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = varint(data, at)
        elif kind == BYTES:
            length, at = varint(data, at)
            value, at = data[at : at + length], at + length
            require(len(value) == length, "a field is cut short")
        else:
            raise Refused(f"field {number} has wire type {kind}, which no record has")
        yield number, value


def varint_bytes(value):
    rest, low = divmod(value, 128)
    return bytes([low]) if not rest else bytes([low | 128]) + varint_bytes(rest)


def field_bytes(number, content):
    if isinstance(content, bytes):
        return varint_bytes(number << 3 | BYTES) + varint_bytes(len(content)) + content
    return varint_bytes(number << 3 | VARINT) + varint_bytes(content)


class Schema:
    """Messages and enums of a google.protobuf.FileDescriptorSet, by full name. A field is its name,
    whether it is repeated, its type, the name of that, and whether it tells absence from a default."""

    def __init__(self, descriptor_set):
        self.messages, self.enums = {}, {}
        for number, file in fields(descriptor_set):
            parts = list(fields(file))
            package = "".join(value.decode() for field, value in parts if field == 2)
            for field, value in parts:
                if field == 4:
                    self._message("." + package, value)
                elif field == 5:
                    self._enum("." + package, value)

    def _message(self, within, data):
        parts = list(fields(data))
        name = within + "." + next(value.decode() for field, value in parts if field == 1)
        self.messages[name] = {}
        for field, value in parts:
            if field == 2:
                one = {number: content for number, content in fields(value)}
                type_name = one.get(6, b"").decode()
                told = 9 in one or one[5] == MESSAGE
                self.messages[name][one[3]] = (one[1].decode(), one[4] == REPEATED, one[5], type_name, told)
            elif field == 3:
                self._message(name, value)
            elif field == 4:
                self._enum(name, value)

    def _enum(self, within, data):
        parts = list(fields(data))
        name = within + "." + next(value.decode() for field, value in parts if field == 1)
        values = [dict(fields(value)) for field, value in parts if field == 2]
        self.enums[name] = {value.get(2, 0): value[1].decode() for value in values}

    def read(self, name, data):
        """A message as a dictionary: what is absent is absent, enums are their names."""
        message = {}
        for number, content in fields(data):
            # A field that the schema does not know could change what the event means.
            require(number in self.messages[name], f"{name} has a field {number} beyond its schema")
            field, repeated, kind, type_name, _ = self.messages[name][number]
            value = self._value(kind, type_name, content)
            if not repeated:
                message[field] = value
            elif kind in INTEGERS and isinstance(content, bytes):
                at = 0
                while at < len(content):
                    one, at = varint(content, at)
                    message.setdefault(field, []).append(one)
            else:
                message.setdefault(field, []).append(value)
        return message

    def why_not_by_the_rule(self, name, data):
        """Why a message is not encoded as docs/proofs.md says. None: it is."""
        before = 0
        for number, content in fields(data):
            field, repeated, kind, type_name, told = self.messages[name][number]
            if number < before or (number == before and not repeated):
                return f"{name}.{field} stands behind field {before}"
            before = number
            if not content and not repeated and not told:
                return f"{name}.{field} is written though it is the default"
            if kind == MESSAGE:
                within = self.why_not_by_the_rule(type_name, content)
                if within:
                    return within
        written = b"".join(field_bytes(number, content) for number, content in fields(data))
        return None if written == data else f"a number in {name} is not the shortest"

    def _value(self, kind, type_name, content):
        if kind == MESSAGE:
            return self.read(type_name, content)
        if kind == STRING:
            return content.decode()
        if kind == ENUM:
            return self.enums[type_name].get(content, str(content))
        if kind == BOOL:
            return content != 0
        if kind == BYTES_TYPE or isinstance(content, bytes):
            return content
        require(kind in INTEGERS, f"the schema has a field of type {kind}, which no record has")
        return content - (1 << 64) if kind in SIGNED and content >> 63 else content


# --- The file --------------------------------------------------------------------------------------


def leaf_of(record, stored):
    """The leaf of a record, as docs/proofs.md lays it out."""
    time = record["recorded_time"]
    micros = time.get("seconds", 0) * 1_000_000 + time.get("nanos", 0) // 1000
    event = record.get("event")
    if event is None:
        kind, number, day, version, event_id = 2, 0, bytes(10), 0, bytes(16)
    else:
        kind, number, version = 1, record["event_number"], event["agreement_version"]
        day = event["event"]["effective_date"].encode()
        event_id = bytes.fromhex(event["event_id"].replace("-", ""))
    agreement = record["agreement_id"].encode()
    return b"".join(
        [
            struct.pack(">BBQqBI", 1, kind, record.get("position", 0), micros, record.get("imported", False), number),
            day,
            struct.pack(">Q", version),
            event_id,
            hashlib.sha256(stored).digest(),
            struct.pack(">B", len(agreement)),
            agreement,
        ]
    )


def read_leaf(leaf):
    """Position, recorded time in microseconds, whether it is an event, and the agreement of a leaf."""
    require(len(leaf) > 90 and leaf[0] == 1 and leaf[89] == len(leaf) - 90, "a leaf is not laid out as one")
    position, micros = struct.unpack(">Qq", leaf[2:18])
    return position, micros, leaf[1] == 1, leaf[90:].decode("ascii")


def microseconds(text):
    """A time of the file, RFC 3339 in UTC, in microseconds since 1970, without rounding."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    instant = datetime.datetime.fromisoformat(whole + "+00:00")
    since = instant - datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + int(fraction.ljust(6, "0"))


def load(path):
    """Reads the file, checks all but the signature, and gives it with its events that were known."""
    text = path.read_text(encoding="utf-8")
    dossier = json.loads(text)
    require(dossier.get("format") == "contract-ledger dossier", "the file is no dossier")
    require(dossier.get("version") in (1, 2), f"version {dossier.get('version')} is not read here")
    head, found, tail = text.rpartition(f'"{dossier["sha256"]}"')
    hashed = f'{head}""{tail}'.encode()
    require(found and hashlib.sha256(hashed).hexdigest() == dossier["sha256"], "the file is damaged")

    origin, size, root = dossier["checkpoint"].split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    schema = Schema(base64.b64decode(dossier["schema"]))
    type_numbers = {name: number for number, name in schema.enums[".contractledger.v1.EventType"].items()}

    events, positions = [], set()
    for given in dossier["records"]:
        stored = base64.b64decode(given["record"])
        record = schema.read(".contractledger.v1.Record", stored)
        position = record.setdefault("position", 0)
        require(position == given["position"], f"the record at {given['position']} says {position}")
        require(record["agreement_id"] == dossier["agreementId"], f"position {position} is of another agreement")
        if "event" in record:
            record["event_number"] = type_numbers.get(record["event"]["type"])
            require(record["event_number"] is not None, f"position {position} is of a type beyond the schema")
        proof = [base64.b64decode(one) for one in given["proof"]]
        seen = root_by_inclusion(position, size, leaf_of(record, stored), proof)
        require(seen == root, f"the record at position {position} is not the one that was signed")
        positions.add(position)
        if "event" in record:
            events.append(record)

    versions = [record["event"]["agreement_version"] for record in events]
    require(versions == list(range(1, len(versions) + 1)), f"the versions are {versions}, and one is left out")
    order = [record["position"] for record in events]
    require(order == sorted(order), "the events do not stand in their order")

    known_to = known(dossier, size, root)
    complete(dossier, events, positions, known_to, size, root)
    dossier["origin"] = origin
    return dossier, [record for record in events if record["position"] <= known_to]


def proved_leaf(given, size, root):
    leaf = base64.b64decode(given["leaf"])
    position, micros, _, _ = read_leaf(leaf)
    proof = [base64.b64decode(one) for one in given["proof"]]
    require(root_by_inclusion(position, size, leaf, proof) == root, f"the leaf of position {position} was altered")
    return position, micros


def known(dossier, size, root):
    """The last position that was known, from the two neighbours between which asKnown lies."""
    as_known = microseconds(dossier["asKnown"])
    last, micros = proved_leaf(dossier["known"]["last"], size, root)
    require(micros <= as_known, f"position {last} was recorded later than asKnown")
    following = dossier["known"].get("next")
    if following is None:
        require(last == size - 1 and micros == as_known, "nothing shows what was the last that was known")
    else:
        position, micros = proved_leaf(following, size, root)
        require(position == last + 1 and micros > as_known, f"position {position} was known too")
    return last


def complete(dossier, events, positions, known_to, size, root):
    """That no event was left out behind the newest one that was known."""
    newest = max((one["position"] for one in events if one["position"] <= known_to), default=-1)
    row = dossier.get("completeness")
    if row is None:
        later = any(one["position"] > known_to for one in events)
        require(later or newest == known_to, "it is not proved that no event was left out at the end")
        return
    bundle, leaves = base64.b64decode(row["leaves"]), []
    while bundle:
        (length,) = struct.unpack(">H", bundle[:2])
        require(len(bundle) >= 2 + length, "the leaves are cut short")
        leaves.append(bundle[2 : 2 + length])
        bundle = bundle[2 + length :]
    first = row["first"]
    beside = [base64.b64decode(one) for one in row["beside"]]
    require(root_by_row(first, size, leaves, beside) == root, "the leaves behind the newest event were altered")
    require(first <= newest + 1 and first + len(leaves) > known_to, "the leaves do not reach over what is open")
    for index, leaf in enumerate(leaves, first):
        position, _, _, agreement = read_leaf(leaf)
        require(position == index, f"the leaf of position {position} stands at {index}")
        here = agreement != dossier["agreementId"] or position in positions
        require(here, f"the record at position {position} is left out")
