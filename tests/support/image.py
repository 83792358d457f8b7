"""What the image promises: its size, its user, its labels, its links, and that it runs by itself on a volume."""
import json, secrets, subprocess, time

BASE = "debian:bookworm-slim"
# The public base has some 75 MB and the whole stays below 120.
ADDED = 45_000_000
USER = "65532:65532"
LABELS = ("title", "description", "licenses", "version", "revision")
ALIASES = ("orderdesk-api", "orderdesk-worker", "orderdesk-simulator")


def docker(*arguments):
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True).stdout.strip()


def inspect(what, template):
    return docker("inspect", "--format", template, what)


def check(image, until):
    config = json.loads(inspect(image, "{{json .Config}}"))
    added = int(inspect(image, "{{.Size}}")) - int(inspect(BASE, "{{.Size}}"))
    assert 0 < added < ADDED, f"the image adds {added} bytes to its base"
    assert config["User"] == USER, config["User"]
    assert config["Cmd"] == ["orderdesk-gateway", "serve"] and not config.get("Entrypoint"), config
    assert list(config["Volumes"]) == ["/data"], config["Volumes"]
    labels = [f"org.opencontainers.image.{name}" for name in LABELS]
    assert all(config["Labels"].get(name) for name in labels), config["Labels"]
    for name in ALIASES:
        assert docker("run", "--rm", image, "readlink", f"/usr/local/bin/{name}") == "orderdesk-gateway", name
    took = alone(image, until)
    print(f"   {added / 1e6:.1f} MB beside its base; healthy {took:.1f} s after `docker run`", flush=True)


def alone(image, until):
    """The default command on an empty volume, by the image's own health check; and once more on what it has written."""
    name = f"odg-image-{secrets.token_hex(4)}"
    docker("volume", "create", name)
    try:
        begun = time.monotonic()
        docker("run", "-d", "--name", name, "--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "-v", f"{name}:/data",
               "-e", f"MCP_KMS_KEY={secrets.token_urlsafe(32)}", image)
        until("the image is healthy", lambda: inspect(name, "{{.State.Health.Status}}") == "healthy")
        took = time.monotonic() - begun
        for _ in range(2):
            assert docker("exec", name, "stat", "-c", "%u", "/data/app.db") == USER.split(":")[0]
            docker("stop", name)
            assert inspect(name, "{{.State.ExitCode}}") == "0"
            docker("start", name)
            until("the image is healthy", lambda: inspect(name, "{{.State.Health.Status}}") == "healthy")
        return took
    finally:
        subprocess.run(["docker", "rm", "-f", name], capture_output=True)
        subprocess.run(["docker", "volume", "rm", name], capture_output=True)
