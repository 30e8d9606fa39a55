"""Apache Cassandra 5 as one node, on Java 17."""

from __future__ import annotations

import json
import shutil
import socket
import struct
from pathlib import Path
from typing import Any, Final

from services import maven
from services.service import HOST, Service, Settings, service

VERSION: Final = "5.0.6"

_OPTIONS_REQUEST: Final = struct.pack(">BBhBi", 0x04, 0, 0, 0x05, 0)
"""A request that needs no log-in (*CQL binary protocol v4*, sections 2 and 4.1.3)."""
_SUPPORTED: Final = 0x06
"""Opcode of its answer (section 4.2.4)."""
_HEADER: Final = 9

_EXPORTS: Final = (
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.attach/sun.tools.attach",
    "jdk.compiler/com.sun.tools.javac.file",
    "jdk.unsupported/sun.misc",
)
_OPENS: Final = (
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.compiler/com.sun.tools.javac",
    "jdk.management/com.sun.management.internal",
)
"""What Cassandra reaches into on Java 17, as its own `jvm17-server.options` says."""

_LOGGING: Final = """\
<configuration>
  <appender name="console" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%date{ISO8601} %-5level [%thread] %logger{0}: %msg%n</pattern></encoder>
  </appender>
  <root level="INFO"><appender-ref ref="console"/></root>
</configuration>
"""


@service("cassandra")
class Cassandra(Service):
    """Cassandra as one node that waits for no other, with a heap of 1 GiB at most."""

    ports = ("port", "storage_port", "jmx_port")
    container_ports = (9042, 7000, 7199)
    start_seconds = 180

    def install(self, cache: Path) -> None:
        """Download its jars."""
        _jars(cache)

    def prepare(self, cache: Path, settings: Settings) -> None:  # noqa: ARG002 - every server is handed its programs
        """Write its configuration; it makes its own tables."""
        temporary = settings.folder / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)  # Its native libraries, one copy for every start that was killed.
        temporary.mkdir()
        # YAML is a superset of JSON.
        configuration = json.dumps(_configuration(settings), indent=2)
        (settings.folder / "cassandra.yaml").write_text(configuration, encoding="utf-8")
        (settings.folder / "logback.xml").write_text(_LOGGING, encoding="utf-8")

    def command(self, cache: Path, settings: Settings) -> list[str]:
        """Return the command that runs its daemon."""
        jars = _jars(cache)
        (memory_meter,) = jars.glob("jamm-*.jar")
        properties = {
            "cassandra.config": (settings.folder / "cassandra.yaml").as_uri(),
            "cassandra.storagedir": settings.data,
            "cassandra.logdir": settings.folder,
            "cassandra.jmx.local.port": settings.ports["jmx_port"],
            "cassandra-foreground": "yes",
            "cassandra.initial_token": 0,
            "cassandra.ring_delay_ms": 0,
            "cassandra.skip_wait_for_gossip_to_settle": 0,
            "logback.configurationFile": (settings.folder / "logback.xml").as_uri(),
            "io.netty.tryReflectionSetAccessible": "true",
            "jdk.attach.allowAttachSelf": "true",
            "java.io.tmpdir": settings.folder / "tmp",
        }
        return [
            *("java", f"-javaagent:{memory_meter}", "-Xms256M", "-Xmx1G", "-XX:+UseG1GC"),
            *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTS),
            *(f"--add-opens={name}=ALL-UNNAMED" for name in _OPENS),
            *(f"-D{name}={value}" for name, value in properties.items()),
            *settings.options,
            *("-classpath", str(jars / "*"), "org.apache.cassandra.service.CassandraDaemon"),
        ]

    def answers(self, port: int) -> bool:
        """Tell whether it says which versions of the protocol it supports."""
        try:
            with socket.create_connection((HOST, port), timeout=2) as connection:
                connection.sendall(_OPTIONS_REQUEST)
                header = connection.recv(_HEADER, socket.MSG_WAITALL)
        except OSError:
            return False
        return len(header) == _HEADER and header[4] == _SUPPORTED

    def url(self, port: int) -> str:
        """Return where drivers connect; there is no log-in."""
        return f"cassandra://{HOST}:{port}"

    def client(self, port: int) -> str:
        """Return the command of the usual client."""
        return f"cqlsh {HOST} {port}"


def _jars(cache: Path) -> Path:
    folder = cache / f"cassandra-{VERSION}"
    return maven.jars(folder, group="org.apache.cassandra", artifact="cassandra-all", version=VERSION)


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "cluster_name": "tests",
        "num_tokens": 1,
        "auto_bootstrap": False,
        "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
        "endpoint_snitch": "SimpleSnitch",
        "seed_provider": [
            {
                "class_name": "org.apache.cassandra.locator.SimpleSeedProvider",
                "parameters": [{"seeds": f"{HOST}:{settings.ports['storage_port']}"}],
            }
        ],
        "listen_address": HOST,
        "rpc_address": HOST,
        "native_transport_port": settings.port,
        "storage_port": settings.ports["storage_port"],
        "commitlog_sync": "periodic",
        "commitlog_sync_period": "1000ms",
        "memtable_heap_space": "128MiB",
        "memtable_offheap_space": "128MiB",
        "sasi_indexes_enabled": False,
        "materialized_views_enabled": False,
    }
