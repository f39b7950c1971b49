"""Network namespaces without a name: the kernel takes them and their links away with the last process in them.

So nothing is left behind, however a run ends. Who is not root makes them in a user namespace, where that is allowed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence

CENTRE = "10.99.0.1"
"""Where the server and the venue listen."""
_BRIDGE = "centre"
_TOOLS = (("unshare", "util-linux"), ("ip", "iproute2"))
_PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
_TRY = "ip link add name left type veth peer name right"


def why_not(*, delays: bool) -> str:
    """Return why no namespaces can be made and joined here; '' where they can."""
    if not sys.platform.startswith("linux"):
        return f"network namespaces are Linux's, and this is {sys.platform}"
    for name, package in (*_TOOLS, *((("tc", "iproute2"),) if delays else ())):
        if _tool(name) is None:
            return f"no `{name}` on this machine: install {package}"
    tried = f"{_TRY} && tc qdisc add dev left root netem delay 1ms" if delays else _TRY
    words = unshared(["sh", "-c", f"PATH={_PLACES}; {tried}"])
    done = subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
    said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return f"in a network namespace of its own, `{tried}` is refused: {said[-1]}" if done.returncode else ""


def unshared(words: Sequence[str]) -> list[str]:
    """Return the command that runs `words` in a network and a host name of its own."""
    users = [] if os.geteuid() == 0 else ["--map-root-user"]
    return [str(_tool("unshare")), "--net", "--uts", *users, "--", *words]


def run_ip(*words: str) -> None:
    """Run `ip` in the namespace that we are in.

    Raises:
        subprocess.CalledProcessError: it refused; it said on stderr why.
    """
    subprocess.run([str(_tool("ip")), *words], check=True)


def delay_link(link: str, each_way_ms: float) -> None:
    """Keep each packet that leaves by a link for so long."""
    if each_way_ms:
        wait = ["netem", "delay", f"{each_way_ms:g}ms"]
        subprocess.run([str(_tool("tc")), "qdisc", "add", "dev", link, "root", *wait], check=True)


def open_centre() -> None:
    """Make the bridge that all hosts are joined to, in the namespace that we are in."""
    run_ip("link", "set", "lo", "up")
    run_ip("link", "add", "name", _BRIDGE, "type", "bridge")
    run_ip("addr", "add", f"{CENTRE}/24", "dev", _BRIDGE)
    run_ip("link", "set", _BRIDGE, "up")


def join_host(place: int, pid: int, each_way_ms: float) -> str:
    """Lead a link from the bridge into the namespace of a process; return our end of it."""
    port = f"port{place}"
    run_ip("link", "add", "name", port, "type", "veth", "peer", "name", "uplink", "netns", str(pid))
    run_ip("link", "set", port, "master", _BRIDGE, "up")
    delay_link(port, each_way_ms)
    return port


def address_host(place: int, each_way_ms: float) -> None:
    """Bring up our end of the link, in the namespace of a host."""
    run_ip("link", "set", "lo", "up")
    run_ip("addr", "add", f"10.99.0.{place + 2}/24", "dev", "uplink")
    run_ip("link", "set", "uplink", "up")
    delay_link("uplink", each_way_ms)


def _tool(name: str) -> str | None:
    return shutil.which(name, path=_PLACES)
