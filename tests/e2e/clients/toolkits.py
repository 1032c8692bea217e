"""How each foreign client is built and started, and what it needs on the machine."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from glob import glob
from pathlib import Path

CLIENTS = Path(__file__).resolve().parent
JARS = Path("/usr/share/java")
JAXWS_JARS = (
    "jaxws-tools jaxws-rt jaxws-api jaxb-api jaxb-xjc jaxb-jxc jaxb-runtime jaxb-core jaxb-impl codemodel xsom rngom "
    "istack-commons-runtime istack-commons-tools relaxngDatatype dtd-parser txw2 saaj-impl javax.xml.soap-api jws-api "
    "javax.activation stax-ex streambuffer metro-policy mimepull FastInfoset gmbal woodstox-core stax2-api xml-resolver"
)
AXIS_JARS = "axis axis-jaxrpc axis-saaj commons-discovery commons-logging wsdl4j javax.activation javax.mail"


@dataclass(frozen=True)
class Workplace:
    """Where one client is built: an empty folder, the address of the WSDL, and a folder that outlives the run."""

    folder: Path
    wsdl_url: str
    cache: Path


@dataclass(frozen=True)
class Toolkit:
    """`build` makes the client and returns the command that starts it; `needs` are commands and file patterns."""

    name: str
    package: str
    needs: tuple[str, ...]
    build: Callable[[Workplace], list[str]]

    def missing(self) -> list[str]:
        return [need for need in self.needs if shutil.which(need) is None and not glob(need)]


def run(command: list[str], folder: Path) -> str:
    """Standard output of a command; fails with what it said when it fails."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, timeout=180)
    said = done.stdout.decode() + done.stderr.decode(errors="replace")
    assert done.returncode == 0, f"{command[0]} failed:\n{said[:1500]}\n…\n{said[-1500:]}"
    return done.stdout.decode()


def _script(interpreter: str, name: str) -> Callable[[Workplace], list[str]]:
    return lambda place: [interpreter, str(CLIENTS / name)]


def _node(place: Workplace) -> list[str]:
    for name in ("package.json", "package-lock.json", "client.js"):
        shutil.copy(CLIENTS / "node" / name, place.cache)
    if not (place.cache / "node_modules" / "soap").is_dir():
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], place.cache)
    return ["node", str(place.cache / "client.js")]


def _class_path(jars: str) -> str:
    return ":".join(str(JARS / f"{jar}.jar") for jar in jars.split())


def _java(place: Workplace, jars: str, source: str) -> list[str]:
    class_path = f"{place.folder}:{_class_path(jars)}"
    sources = [str(path) for path in place.folder.rglob("*.java")]
    shared = ["-nowarn", "-encoding", "UTF-8", "-cp", class_path, "-d", str(place.folder)]
    run(["javac", *shared, *sources, str(CLIENTS / source)], place.folder)
    return ["java", "-cp", class_path, "-Dfile.encoding=UTF-8", "Client"]


def _jaxws(place: Workplace) -> list[str]:
    options = ["-Xnocompile", "-keep", "-encoding", "UTF-8", "-s", str(place.folder)]
    run(["java", "-cp", _class_path(JAXWS_JARS), "com.sun.tools.ws.WsImport", *options, place.wsdl_url], place.folder)
    return _java(place, JAXWS_JARS, "jaxws/Client.java")


def _axis(place: Workplace) -> list[str]:
    # WSDL2Java copies the Chinese documentation into comments in the platform's encoding.
    generator = ["java", "-Dfile.encoding=UTF-8", "-cp", _class_path(AXIS_JARS), "org.apache.axis.wsdl.WSDL2Java"]
    run([*generator, "-o", str(place.folder), place.wsdl_url], place.folder)
    return _java(place, AXIS_JARS, "axis/Client.java")


def _gsoap(place: Workplace) -> list[str]:
    run(["wsdl2h", "-c", "-o", "hub.h", place.wsdl_url], place.folder)
    run(["soapcpp2", "-c", "-C", "-x", "-I/usr/share/gsoap/import", "hub.h"], place.folder)
    generated = [str(place.folder / name) for name in ("soapC.c", "soapClient.c")]
    client = str(CLIENTS / "gsoap" / "client.c")
    run(["gcc", "-w", "-I", str(place.folder), "-o", "client", client, *generated, "-lgsoap"], place.folder)
    return [str(place.folder / "client")]


def _jar_files(jars: str) -> tuple[str, ...]:
    return tuple(str(JARS / f"{jar}.jar") for jar in jars.split())


TOOLKITS = (
    Toolkit("zeep", "zeep", (), _script(sys.executable, "zeep_client.py")),
    Toolkit("suds", "suds-community", (), _script(sys.executable, "suds_client.py")),
    Toolkit("node-soap", "nodejs npm", ("node", "npm"), _node),
    Toolkit("php", "php-cli php-soap", ("php", "/etc/php/*/cli/conf.d/20-soap.ini"), _script("php", "client.php")),
    Toolkit("perl", "libsoap-lite-perl", ("perl", "/usr/share/perl5/SOAP/Lite.pm"), _script("perl", "client.pl")),
    Toolkit("jax-ws", "default-jdk-headless libjaxws-java", ("javac", *_jar_files(JAXWS_JARS)), _jaxws),
    Toolkit("axis-1.4", "default-jdk-headless libaxis-java", ("javac", *_jar_files(AXIS_JARS)), _axis),
    Toolkit("gsoap", "gsoap libgsoap-dev gcc", ("wsdl2h", "soapcpp2", "gcc", "/usr/include/stdsoap2.h"), _gsoap),
)
