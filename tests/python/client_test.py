"""A foreign client: everything that it knows comes from reflection or from the proto files.

Usage: client_test.py PATH_TO_LEDGERD PATH_TO_PROTO_FOLDER

Starts the server on a temporary folder and a free port, signs an agreement, places an order, is
refused over the ceiling and reads the ErrorInfo: once with messages built from reflection alone, and
once with code generated from the proto files.
"""

import importlib
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest
import uuid

import grpc
from google.protobuf import descriptor_pool, message_factory
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

LEDGERD = None
PROTO = None
BUYER = "920125298"
SUPPLIER = "943184097"


class Server:
    """A real ledgerd on a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        command = [LEDGERD, "--data-dir", self.folder.name, "--listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on "), line
        self.channel = grpc.insecure_channel(line.removeprefix("listening on "))

    def stop(self):
        self.channel.close()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.process.stdout.close()
        self.folder.cleanup()
        return code


class Reflected:
    """Messages made from what the server tells of itself."""

    def __init__(self, channel):
        self.pool = descriptor_pool.DescriptorPool(ProtoReflectionDescriptorDatabase(channel))

    def message(self, name):
        descriptor = self.pool.FindMessageTypeByName(f"contractledger.v1.{name}")
        return message_factory.GetMessageClass(descriptor)


class Generated:
    """Messages made from the proto files by grpc_tools."""

    def __init__(self, folder):
        from grpc_tools import protoc

        well_known = pathlib.Path(protoc.__file__).parent / "_proto"
        files = [str(path) for path in sorted(pathlib.Path(PROTO).rglob("*.proto"))]
        flags = [f"-I{PROTO}", f"-I{well_known}", f"--python_out={folder}"]
        assert protoc.main(["protoc", *flags, *files]) == 0
        sys.path.insert(0, folder)
        names = [pathlib.Path(file).stem for file in files]
        self.modules = [importlib.import_module(f"contractledger.v1.{name}_pb2") for name in names]

    def message(self, name):
        return next(getattr(module, name) for module in self.modules if hasattr(module, name))


def call(channel, messages, service, method, request, answer):
    path = f"/contractledger.v1.{service}/{method}"
    serialize = messages.message(request).SerializeToString
    stub = channel.unary_unary(path, serialize, messages.message(answer).FromString)
    return lambda **fields: stub(messages.message(request)(**fields), timeout=10)


def nok(amount):
    return {"amount": amount, "currency": "NOK"}


def signing():
    return {
        "effective_date": "2024-01-01",
        "admission_mode": "ADMISSION_MODE_FACT",
        "agreement_signed": {
            "reference": "2024/1",
            "title": "A framework",
            "framework_kind": "FRAMEWORK_KIND_WITHOUT_REOPENED_COMPETITION",
            "nature": "CONTRACT_NATURE_SERVICES",
            "owner": {"id": {"number": BUYER}},
            "buyers": [{"id": {"number": BUYER}}],
            "suppliers": [{"id": {"number": SUPPLIER}}],
            "ceilings": [
                {
                    "scope": {"agreement": True},
                    "kind": "CEILING_KIND_MAXIMUM",
                    "amount": nok("1000000.00"),
                }
            ],
            "currency": "NOK",
            "term": {"start_date": "2024-01-01", "end_date": "2027-12-31"},
        },
    }


def placing(order_id, amount):
    return {
        "effective_date": "2024-02-01",
        "admission_mode": "ADMISSION_MODE_INTENT",
        "order_placed": {
            "order_id": order_id,
            "buyer": {"number": BUYER},
            "supplier": {"number": SUPPLIER},
            "amount": nok(amount),
        },
    }


def error_info(error):
    """The one ErrorInfo that every error carries."""
    trailers = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    infos = []
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            info = error_details_pb2.ErrorInfo()
            detail.Unpack(info)
            infos.append(info)
    assert len(infos) == 1, status
    assert status.code == error.code().value[0], status
    assert infos[0].domain == "contractledger.v1", infos
    return infos[0], status


class ForeignClient(unittest.TestCase):
    def setUp(self):
        self.server = Server()
        self.channel = self.server.channel

    def tearDown(self):
        self.assertEqual(self.server.stop(), 0, "SIGTERM ends it in order")

    def refused(self, made):
        with self.assertRaises(grpc.RpcError) as raised:
            made()
        return raised.exception

    def play(self, messages):
        append = call(
            self.channel,
            messages,
            "LedgerService",
            "AppendEvents",
            "AppendEventsRequest",
            "AppendEventsResponse",
        )

        def send(request_id, event):
            return append(request_id=request_id, agreement_id="a", events=[event])

        ids = [str(uuid.uuid4()) for _ in range(3)]
        signed = send(ids[0], signing())
        self.assertEqual((signed.events[0].position, signed.agreement_version), (0, 1))
        placed = send(ids[1], placing("O1", "600000.00"))
        self.assertEqual(placed.usage.scopes[0].remaining.amount, "400000.00")

        for again in (False, True):
            error = self.refused(lambda: send(ids[2], placing("O2", "600000.00")))
            self.assertEqual(error.code(), grpc.StatusCode.FAILED_PRECONDITION)
            info, status = error_info(error)
            self.assertEqual(info.reason, "CEILING_EXCEEDED")
            self.assertEqual(info.metadata["excess"], "200000.00")
            self.assertEqual(info.metadata["remaining"], "400000.00")
            details = messages.message("RefusalDetails")()
            packed = [d for d in status.details if d.type_url.endswith("/contractledger.v1.RefusalDetails")]
            details.ParseFromString(packed[0].value)
            self.assertEqual(details.refusals[0].excess.amount, "200000.00")
            self.assertEqual(details.replayed, again)

        repeated = send(ids[1], placing("O1", "600000.00"))
        self.assertTrue(repeated.replayed)
        self.assertEqual(repeated.events, placed.events)
        error = self.refused(lambda: send(ids[1], placing("O1", "1.00")))
        self.assertEqual(error.code(), grpc.StatusCode.ALREADY_EXISTS)
        info, _ = error_info(error)
        self.assertEqual(info.metadata["field"], "events[0].order_placed.amount.amount")

        usage = call(
            self.channel,
            messages,
            "ProjectionService",
            "GetCeilingUsage",
            "GetCeilingUsageRequest",
            "GetCeilingUsageResponse",
        )
        answer = usage(agreement_id="a", min_position=2).usage
        self.assertEqual(answer.scopes[0].exposure.amount, "600000.00")
        self.assertEqual(answer.scopes[0].usage_ppm, 600_000)

    def test_by_reflection_alone(self):
        self.play(Reflected(self.channel))

    def test_by_generated_code(self):
        with tempfile.TemporaryDirectory() as folder:
            self.play(Generated(folder))

    def test_reflection_answers_in_both_versions(self):
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        for version in ("v1", "v1alpha"):
            stub = self.channel.stream_stream(
                f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
                reflection_pb2.ServerReflectionRequest.SerializeToString,
                reflection_pb2.ServerReflectionResponse.FromString,
            )
            answer = next(iter(stub(iter([request]), timeout=10)))
            names = {service.name for service in answer.list_services_response.service}
            for service in ("LedgerService", "ProjectionService", "AuditService"):
                self.assertIn(f"contractledger.v1.{service}", names)
            self.assertIn("grpc.health.v1.Health", names)

    def test_health_is_told_for_every_service(self):
        pool = Reflected(self.channel).pool
        asked = message_factory.GetMessageClass(
            pool.FindMessageTypeByName("grpc.health.v1.HealthCheckRequest")
        )
        told = message_factory.GetMessageClass(
            pool.FindMessageTypeByName("grpc.health.v1.HealthCheckResponse")
        )
        check = self.channel.unary_unary(
            "/grpc.health.v1.Health/Check", asked.SerializeToString, told.FromString
        )
        services = ["", *(f"contractledger.v1.{n}Service" for n in ("Ledger", "Projection", "Audit"))]
        for service in services:
            self.assertEqual(check(asked(service=service), timeout=10).status, 1, service)

    def test_bytes_that_are_no_message_are_told_so(self):
        raw = self.channel.unary_unary(
            "/contractledger.v1.LedgerService/AppendEvents", lambda data: data, lambda data: data
        )
        oversize = b"\x12" + b"\x80\x80\x80\x04" + b"a" * (8 << 20)
        cases = [
            (b"\x0a\x02\xff\xfe", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"),
            (b"\xff\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE"),
            (b"", grpc.StatusCode.INVALID_ARGUMENT, "FIELD_MISSING"),
            (oversize, grpc.StatusCode.RESOURCE_EXHAUSTED, "MESSAGE_TOO_LARGE"),
        ]
        for data, code, reason in cases:
            error = self.refused(lambda: raw(data, timeout=10))
            self.assertEqual((error.code(), error_info(error)[0].reason), (code, reason))
        self.assertEqual(code_pb2.RESOURCE_EXHAUSTED, 8)


if __name__ == "__main__":
    LEDGERD, PROTO = sys.argv[1:3]
    program = unittest.main(argv=sys.argv[:1], exit=False)
    result = program.result
    failed = len(result.failures) + len(result.errors)
    print(f"python client: {result.testsRun - failed} passed, {failed} failed", flush=True)
    sys.exit(0 if result.wasSuccessful() and result.testsRun else 1)
