"""A Ceph cluster of one machine with its RADOS gateway: a real S3 server, of one monitor, one store in memory, and the
gateway in front, in a folder of its own.

What lives here: making it, starting it, taking its parts away and stopping them, each by its pid. What must not: S3.

Why it is configured as it is: without cephx the gateway never connects; a short `paxos_propose_interval` takes the
start from 15 seconds to 5; pools that are made now cost no test two seconds; collected garbage must not fill the
store; a gateway that crashed holds its watches for seconds, during which no bucket can be made; parts may be tiny, so
that a few kilobytes make a multipart upload.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from .stores import KEY, SECRET, START, answers, free_ports, stop

__all__ = ["OTHER", "PROGRAMS", "Ceph", "ceph"]

PROGRAMS = ("ceph-mon", "ceph-osd", "radosgw", "openssl")
#: The second user's keys.
OTHER = ("AKIASOMEBODYELSE", "somebody-elses-made-up-secret-0123456789")

_CONFIG = """
[global]
fsid = {fsid}
mon_host = [v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_v1}]
mon_initial_members = a
public_network = 127.0.0.0/8
cluster_network = 127.0.0.0/8
public_addr = 127.0.0.1
ms_bind_port_min = {osd}
ms_bind_port_max = {osd_last}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
auth_allow_insecure_global_id_reclaim = false
keyring = {home}/keyring
run_dir = {home}
admin_socket =
crash_dir = {home}
log_file = {home}/$name.log
debug_default = 0
log_max_recent = 10
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 4
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_max_pg_per_osd = 2000
mon_data_avail_crit = 1
[mon]
mon_data = {home}/mon
mon_cluster_log_file = {home}/cluster.log
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
mon_election_timeout = 1
[osd]
osd_data = {home}/osd
osd_objectstore = memstore
memstore_device_bytes = 4294967296
osd_max_object_name_len = 460
osd_client_watch_timeout = 2
osd_default_notify_timeout = 2
[client.rgw.a]
rgw_data = {home}/rgw
rgw_frontends = beast endpoint=127.0.0.1:{http} ssl_endpoint=127.0.0.1:{https} ssl_certificate={home}/tls.pem
rgw_dns_name =
rgw_run_sync_thread = false
rgw_multipart_min_part_size = 1
rgw_enable_usage_log = false
rgw_override_bucket_index_max_shards = 1
rgw_dynamic_resharding = false
rgw_gc_obj_min_wait = 2
rgw_gc_processor_period = 2
rgw_num_control_oids = 1
rgw_user_quota_bucket_sync_interval = 1
rgw_bucket_quota_ttl = 1
"""


class Ceph:
    """The cluster below `home`. `http` and `https` are the gateway's endpoints, `ca` its certificate's own file."""

    def __init__(self, home: Path) -> None:
        mon, mon_v1, osd, http, https = free_ports(5)
        self.home, self.conf = home, home / "ceph.conf"
        self.http, self.https = f"http://127.0.0.1:{http}", f"https://127.0.0.1:{https}"
        self.ca = str(home / "tls.crt")
        self._fsid = str(uuid4())
        self._mon = f"[v2:127.0.0.1:{mon},v1:127.0.0.1:{mon_v1}]"
        osd = min(osd, 65000)
        ports = {"mon": mon, "mon_v1": mon_v1, "osd": osd, "osd_last": osd + 40, "http": http, "https": https}
        self.conf.write_text(_CONFIG.format(home=home, fsid=self._fsid, **ports), encoding="utf-8")
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    # ---- its life

    def start(self) -> None:
        """Make the cluster and wait until S3 answers."""
        for folder in ("mon", "osd", "rgw"):
            (self.home / folder).mkdir()
        self._certify()
        self._keys()
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self._spawn("mon", "ceph-mon", "-i", "a")
        osd = str(uuid4())
        self._run("ceph", "--connect-timeout", "30", "osd", "new", osd, "0")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd)
        self._spawn("osd", "ceph-osd", "-i", "0")
        self._wait("osd", lambda: "1 up" in self._run("ceph", "osd", "stat"))
        self.start_gateway()
        for user, (key, secret) in {"tester": (KEY, SECRET), "other": OTHER}.items():
            names = ("--uid", user, "--display-name", user, "--access-key", key, "--secret-key", secret)
            self.admin("user", "create", *names)
        for pool in ("index", "data", "non-ec"):
            self._run("ceph", "osd", "pool", "create", f"default.rgw.buckets.{pool}", "4")
            self._run("ceph", "osd", "pool", "application", "enable", f"default.rgw.buckets.{pool}", "rgw")

    def start_gateway(self) -> None:
        """Start the gateway, for the first time or after it was killed."""
        self._spawn("rgw", "radosgw", "-n", "client.rgw.a")
        self._wait("rgw", lambda: answers(f"{self.http}/swift/healthcheck"))

    def kill_gateway(self) -> None:
        """The gateway crashes; what it stored stays."""
        stop(self._processes.pop("rgw"), signal.SIGKILL)

    def pause_gateway(self, *, pause: bool) -> None:
        """The gateway falls silent, connections stay; or comes back."""
        self._processes["rgw"].send_signal(signal.SIGSTOP if pause else signal.SIGCONT)

    def admin(self, *words: str) -> str:
        """radosgw-admin: users, quotas."""
        return self._run("radosgw-admin", "-n", "client.rgw.a", *words)

    def stop(self) -> None:
        """End what runs, the gateway first."""
        for name in ("rgw", "osd", "mon"):
            if name in self._processes:
                stop(self._processes.pop(name), signal.SIGKILL)

    # ---- details

    def _certify(self) -> None:
        command = "openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=127.0.0.1 -addext"
        names = ["subjectAltName=IP:127.0.0.1", "-keyout", "tls.key", "-out", "tls.crt"]
        subprocess.run([*command.split(), *names], cwd=self.home, check=True, capture_output=True)
        both = (self.home / "tls.key").read_bytes() + (self.home / "tls.crt").read_bytes()
        (self.home / "tls.pem").write_bytes(both)

    def _keys(self) -> None:
        self._run("monmaptool", "--create", "--fsid", self._fsid, "--addv", "a", self._mon, "monmap", conf=False)
        allowed = {
            "mon.": ("mon", "allow *"),
            "client.admin": ("mon", "allow *", "osd", "allow *", "mgr", "allow *"),
            "osd.0": ("mon", "allow profile osd", "osd", "allow *"),
            "client.rgw.a": ("mon", "allow rw", "osd", "allow rwx"),
        }
        self._run("ceph-authtool", "--create-keyring", "keyring", conf=False)
        for name, words in allowed.items():
            caps = [word for pair in zip(words[::2], words[1::2], strict=True) for word in ("--cap", *pair)]
            self._run("ceph-authtool", "keyring", "--gen-key", "-n", name, *caps, conf=False)

    def _run(self, program: str, *words: str, conf: bool = True) -> str:
        command = [program, *(["-c", str(self.conf)] if conf else []), *words]
        run = subprocess.run(command, cwd=self.home, capture_output=True, text=True, timeout=START, check=False)
        assert run.returncode == 0, f"{command}: {run.stdout}{run.stderr}"
        return run.stdout

    def _spawn(self, name: str, program: str, *words: str) -> None:
        command = [program, "-c", str(self.conf), *words, "-f"]
        with (self.home / f"{name}.out").open("ab") as said:
            self._processes[name] = subprocess.Popen(
                command, cwd=self.home, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + START
        while not ready():
            said = self.home / f"{name}.out"
            assert self._processes[name].poll() is None, said.read_text(errors="replace")
            assert time.monotonic() < deadline, f"{name} is not ready: {said.read_text(errors='replace')}"
            time.sleep(0.05)


@contextmanager
def ceph() -> Iterator[Ceph]:
    """A running cluster, which is gone with all it held at the end."""
    home = Path(tempfile.mkdtemp(prefix="ajaxupload-ceph-"))  # not tmp_path: hundreds of megabytes, whatever fails
    cluster = Ceph(home)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)
