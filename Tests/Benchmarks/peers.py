"""The servers under measurement, each on a free loopback port, in a folder of its own, ended by the process id that was started."""

import ctypes
import http.client
import json
import os
import signal
import socket
import subprocess
import time
import urllib.parse

from measure import Failure

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def request(url, method="GET", body=None, headers=None):
    """One plain HTTP request; gives status, header fields and body."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


class Server:
    """A server process. Ends with `stop`, or with the process that started it."""

    def __init__(self, name, command, log, health, stdout=subprocess.DEVNULL, environment=None):
        self.name = name
        self.log = open(log, "wb")
        try:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=self.log, env=environment,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))
        except FileNotFoundError as error:
            raise Failure(f"{command[0]} is not installed (make setup-bench)") from error
        self.health = health

    def wait(self):
        """Returns when the server answers."""
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                if request(self.health)[0] == 200:
                    return self
            except OSError:
                time.sleep(0.05)
        self.stop()
        with open(self.log.name, errors="replace") as log:
            raise Failure(f"{self.name} did not start: {log.read()[-400:].strip()}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        self.log.close()

    def memory(self):
        """Kibibytes by the names of /proc/PID/status: VmHWM is the most that was resident since `forget_peak`."""
        with open(f"/proc/{self.process.pid}/status") as file:
            return {line.split(":")[0]: int(line.split()[1]) for line in file if line.startswith(("VmHWM", "VmRSS", "RssAnon", "RssFile"))}

    def forget_peak(self):
        """Begins a new VmHWM, so that each step's own peak shows; the caller keeps the largest."""
        try:
            with open(f"/proc/{self.process.pid}/clear_refs", "w") as file:
                file.write("5")
        except OSError:
            pass


class Nginx(Server):
    """nginx serving a folder of static files, set up for that alone."""

    def __init__(self, folder):
        self.files = os.path.join(folder, "files")
        os.makedirs(self.files)
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        configuration = os.path.join(folder, "nginx.conf")
        with open(configuration, "w") as file:
            file.write(f"""
{"user root;" if os.geteuid() == 0 else ""}
daemon off;
worker_processes auto;
pid {folder}/nginx.pid;
error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    sendfile on;
    sendfile_max_chunk 0;
    tcp_nopush on;
    keepalive_requests 1000000000;
    open_file_cache max=1000 inactive=600s;
    open_file_cache_valid 600s;
    types {{ }}
    default_type application/json;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        root {self.files};
        location /archives/ {{ default_type application/gzip; }}
    }}
}}
""")
        with open(os.path.join(self.files, "health"), "w") as file:
            file.write("ok")
        super().__init__(
            "nginx", ["nginx", "-e", f"{folder}/error.log", "-p", folder, "-c", configuration], os.path.join(folder, "log"), f"{self.url}/health")
        self.wait()


class DockerRegistry(Server):
    """docker-registry 2.8 with files as storage, no logs, no notifications, no deletion."""

    MANIFEST = "application/vnd.oci.image.manifest.v1+json"

    def __init__(self, folder):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        configuration = os.path.join(folder, "registry.json")
        # JSON is YAML too.
        with open(configuration, "w") as file:
            json.dump({
                "version": 0.1, "log": {"level": "error", "accesslog": {"disabled": True}},
                "storage": {
                    "filesystem": {"rootdirectory": os.path.join(folder, "data")}, "cache": {"blobdescriptor": "inmemory"},
                    "delete": {"enabled": False}, "maintenance": {"uploadpurging": {"enabled": False}},
                },
                "http": {"addr": f"127.0.0.1:{port}", "secret": "benchmark"}, "health": {"storagedriver": {"enabled": False}},
            }, file)
        super().__init__(
            "docker-registry", ["docker-registry", "serve", configuration], os.path.join(folder, "log"), f"{self.url}/v2/",
            environment={**os.environ, "OTEL_TRACES_EXPORTER": "none"})
        self.wait()

    def begin_upload(self, repository):
        """Opens an upload; gives the address that takes the bytes."""
        status, headers, body = request(f"{self.url}/v2/{repository}/blobs/uploads/", "POST", b"")
        if status != 202:
            raise Failure(f"docker-registry: upload not begun: {status} {body[:200]}")
        return urllib.parse.urljoin(self.url, headers["Location"])

    @staticmethod
    def completed(address, digest):
        return f"{address}{'&' if '?' in address else '?'}digest={urllib.parse.quote(digest)}"

    def push_blob(self, repository, data, digest):
        status, _, body = request(
            self.completed(self.begin_upload(repository), digest), "PUT", data, {"Content-Type": "application/octet-stream"})
        if status != 201:
            raise Failure(f"docker-registry: blob refused: {status} {body[:200]}")

    def push_manifest(self, repository, tag, data):
        status, _, body = request(f"{self.url}/v2/{repository}/manifests/{tag}", "PUT", data, {"Content-Type": self.MANIFEST})
        if status != 201:
            raise Failure(f"docker-registry: manifest refused: {status} {body[:200]}")


class Rx(Server):
    """`rx serve` on a fresh folder with its default settings; its access log, which it always writes, goes to a file."""

    def __init__(self, binary, folder):
        super().__init__(
            "rx", [binary, "serve", "--data", os.path.join(folder, "data"), "--port", "0", "--json"], os.path.join(folder, "log"), None,
            stdout=subprocess.PIPE)
        # With --json the address is one JSON object on standard output, its closing brace alone on a line.
        text = ""
        for line in self.process.stdout:
            text += line.decode()
            if line.strip() == b"}" or line.strip().endswith(b"}") and text.lstrip().startswith("{"):
                break
        try:
            self.url = json.loads(text)["url"]
        except (ValueError, KeyError) as error:
            self.stop()
            raise Failure(f"rx serve did not tell its address: {text!r}") from error
        self.health = f"{self.url}/healthz"
        self.wait()

    def requests(self):
        """Requests answered so far, by the access log."""
        # A line is written after its answer was sent.
        time.sleep(0.2)
        with open(self.log.name) as log:
            return sum(1 for line in log if '"method"' in line)
