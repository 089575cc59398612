"""What the measuring scripts share: servers that are started and stopped by pid, and one measurement.

Standard library only. Every folder is made by mkdtemp and removed; every server is stopped by its pid.
"""

import datetime
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "benches" / "peers"
UMADB_VERSION = "0.7.8"
# From the signal to the end of a server; then it is killed.
STOP_SECONDS_MAX = 60


def say(text):
    print(text, file=sys.stderr, flush=True)


def release_folder():
    """Where the programs are; LEDGER_BENCH_BIN names another folder than target/release."""
    return Path(os.environ.get("LEDGER_BENCH_BIN", ROOT / "target" / "release"))


def build(with_peer=True):
    """Builds the release, and the peer with its driver."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--bins"], cwd=ROOT, check=True)
    if with_peer:
        build_peer()


def build_peer():
    """UmaDB and its driver. Its crates compile their interface with protoc, which nothing else here needs."""
    if shutil.which("protoc") is None:
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            raise SystemExit("the peer needs protoc (package protobuf-compiler), and only root can install it here")
        say("installing protobuf-compiler: the peer is built with protoc")
        subprocess.run(["apt-get", "update", "-q"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["apt-get", "install", "-q", "-y", "protobuf-compiler", "libprotobuf-dev"],
                       check=True, stdout=subprocess.DEVNULL)
    if not (PEERS / "tools" / "bin" / "umadb").exists():
        subprocess.run(["cargo", "install", "--locked", "--root", str(PEERS / "tools"),
                        "--target-dir", str(PEERS / "target-umadb"), f"umadb@{UMADB_VERSION}"],
                       cwd=PEERS, check=True)
    subprocess.run(["cargo", "build", "--release", "--locked"], cwd=PEERS, check=True)


def peer_is_built():
    return (PEERS / "tools" / "bin" / "umadb").exists() and (PEERS / "target/release/umadb-bench").exists()


class Server:
    """A server of this run, on loopback."""

    def __init__(self, name, command, folder, address=None):
        self.name, self.folder = name, folder
        self.log = tempfile.TemporaryFile()
        began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.pid = self.process.pid
        try:
            self.url = "http://" + (self._said() if address is None else self._reached(address))
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        self.start_seconds = time.monotonic() - began

    def _said(self):
        """The address that ledgerd says it listens on, once it serves."""
        line = self.process.stdout.readline()
        prefix = "listening on "
        if not line.startswith(prefix):
            self.log.seek(0)
            raise RuntimeError(f"{self.name} did not start: {self.log.read().decode(errors='replace')}")
        return line[len(prefix):].strip()

    def _reached(self, address):
        """Until the port takes a connection."""
        host, port = address.rsplit(":", 1)
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                socket.create_connection((host, int(port)), timeout=1).close()
                return address
            except OSError:
                time.sleep(0.005)
        raise RuntimeError(f"{self.name} did not start")

    def stop(self, how=signal.SIGTERM):
        """Ends it by its pid; gives the seconds that took."""
        began = time.monotonic()
        if self.process.poll() is None:
            os.kill(self.pid, how)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                say(f"{self.name} did not end in time and is killed")
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()
        return time.monotonic() - began

    def rss_bytes(self):
        return kibibytes(self.pid, "VmRSS"), kibibytes(self.pid, "VmHWM")

    def cpu_seconds(self):
        stat = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def kibibytes(pid, name):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def ledger(folder, flags=()):
    command = [str(release_folder() / "ledgerd"), "--data-dir", str(folder), "--listen", "127.0.0.1:0",
               "--log-level", "warn", *flags]
    return Server("ours", command, folder)


def floor():
    command = [str(release_folder() / "ledgerd"), "--bench-floor", "--listen", "127.0.0.1:0", "--log-level", "error"]
    return Server("floor", command, None)


def peer(folder):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder.mkdir(exist_ok=True)
    command = [str(PEERS / "tools/bin/umadb"), "--listen", address, "--db-path", str(folder)]
    return Server("peer", command, folder, address)


def bench(server, arguments):
    """One measurement: the JSON object that the client prints."""
    program = PEERS / "target/release/umadb-bench" if server.name == "peer" else release_folder() / "ledgerctl"
    start = [str(program)] if server.name == "peer" else [str(program), "bench"]
    command = [*start, *map(str, arguments), "--server", server.url, "--server-pid", str(server.pid),
               "--label", server.name, "--json"]
    done = subprocess.run(command, capture_output=True, text=True)
    if not done.stdout.strip():
        raise RuntimeError(f"{' '.join(command)}: {done.stderr}")
    result = json.loads(done.stdout)
    if result["answers"]["failed"]:
        say(f"!!! {server.name} {' '.join(map(str, arguments))}: {result['answers']['failed']} calls failed, "
            f"the first: {result['answers']['first_failure']}")
    return result


def disk_bytes(folder):
    """Bytes that the files of a folder take on the disk, in all and by what lies in the folder."""
    parts = {}
    for path in Path(folder).rglob("*"):
        if path.is_file():
            part = path.relative_to(folder).parts[0]
            parts[part] = parts.get(part, 0) + path.stat().st_blocks * 512
    return sum(parts.values()), parts


def stored_bytes(server):
    """Records and their bytes, as a reader of everything is given them, without the frame of each."""
    answers = bench(server, ["replay", "--total", 1])["answers"]
    # Key and length of an entry: three bytes for records from 128 bytes to 16 KiB.
    return answers["events"], answers["bytes"] - 3 * answers["events"]


def spread(values):
    """Median, least and most."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "values": values}


def ratio(one, other):
    return None if not one or not other else round(one / other, 3)


def machine():
    model = next((line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) * 1024 for line in Path("/proc/meminfo").read_text().splitlines()
                  if line.startswith("MemTotal"))
    filesystem = subprocess.run(["df", "--output=fstype", tempfile.gettempdir()], capture_output=True, text=True)
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_bytes": memory,
        "kernel": platform.release(),
        "filesystem": filesystem.stdout.split()[-1] if filesystem.stdout else None,
        "fdatasync_us": fdatasync_us(),
        "load_average": os.getloadavg()[0],
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%MZ"),
        "commit": subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True,
                                 text=True).stdout.strip(),
    }


def fdatasync_us():
    """What one sync of 4 KiB costs here: the floor of every durable answer to one client."""
    with tempfile.NamedTemporaryFile() as file:
        taken = []
        for _ in range(50):
            file.write(os.urandom(4096))
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append((time.perf_counter() - began) * 1e6)
    return round(statistics.median(taken))


def scratch():
    return Path(tempfile.mkdtemp(prefix="ledger-bench-"))


def write_json(path, value):
    Path(path).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def table(header, rows):
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def number(value):
    """Whole, in groups of three."""
    return "" if value is None else f"{round(value):,}".replace(",", " ")
