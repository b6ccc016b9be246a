"""Brings up the backend that BACKEND names, and takes it down again."""

import contextlib
import os
import pathlib
import secrets
import socket
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).parents[2]


@contextlib.contextmanager
def backend():
    """Yield the url and the key of a backend that answers."""
    kind = os.environ["BACKEND"]
    if kind == "managed" and os.environ.get("S2SEARCH_STANDIN") != "1":
        yield managed()
        return
    start, key = {"process": (process, ""), "container": (container, ""), "managed": (process, secrets.token_hex(16))}[kind]
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with start({"PORT": str(port), "DEVICE": os.environ.get("DEVICE", "cpu"), "KEY": key}) as running:
        wait(url, running)
        yield url, key


def managed():
    """Return the url and the key of the managed backend. One that is not set must not pass for one that was tested."""
    missing = [name for name in ("S2SEARCH_URL", "S2SEARCH_KEY") if not os.environ.get(name)]
    if missing:
        raise RuntimeError(f"{' and '.join(missing)} must be set to test the managed backend; S2SEARCH_STANDIN=1 takes a stand-in")
    return os.environ["S2SEARCH_URL"], os.environ["S2SEARCH_KEY"]


@contextlib.contextmanager
def process(settings):
    with subprocess.Popen([sys.executable, "-m", "sample_search.backend"], env={**os.environ, **settings}) as running:
        try:
            yield running
        finally:
            running.terminate()


@contextlib.contextmanager
def container(settings):
    image, name = "sample-search-backend", f"sample-search-{settings['PORT']}"
    subprocess.run(["docker", "build", "--quiet", "--tag", image, str(ROOT)], check=True)
    options = [word for item in settings.items() for word in ("--env", "=".join(item))]
    # The host's network, so that it is the same in a container that has a container of its own.
    with subprocess.Popen(["docker", "run", "--rm", "--name", name, "--network", "host", *options, image]) as running:
        try:
            yield running
        finally:
            subprocess.run(["docker", "rm", "--force", name], check=False, stdout=subprocess.DEVNULL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(url, running, seconds=60):
    """Wait until the backend answers. One that ended never will."""
    for _ in range(seconds * 10):
        if running.poll() is not None:
            raise RuntimeError(f"start the backend: it ended with exit code {running.returncode}")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=5).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"start the backend: no answer within {seconds} s")
