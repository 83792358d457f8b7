"""The README's way to a deployment, done as it is written there."""
import os, shutil, subprocess, tempfile
from pathlib import Path


def block(text, beginning):
    """The lines of the code block that begins so."""
    for part in text.split("```bash\n")[1:]:
        code = part.split("```")[0]
        if code.startswith(beginning):
            return code
    raise AssertionError(f"the README has no block that begins with {beginning!r}")


def check(top, tool, environment, address):
    """In a copy of the working tree, so that no .env of a developer counts; on another port, in a project of its own."""
    code = block((top / "README.md").read_text(), "cp .env.example .env")
    code = code.replace("localhost:8080", address).replace("docker-compose", " ".join(tool))
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=top, check=True, capture_output=True)
    given = {name: environment[name] for name in ("PATH", "HOME", "PORT", "DOCKER_BUILDKIT", "COMPOSE_DOCKER_CLI_BUILD")}
    given["COMPOSE_PROJECT_NAME"] = f"odg-readme-{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder:
        for name in filter(None, listed.stdout.decode().split("\0")):
            target = Path(folder) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(top / name, target)
        try:
            done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=folder, env=given, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            assert done.returncode == 0 and '"status":"succeeded"' in done.stdout.replace(" ", ""), done.stdout[-4000:]
        finally:
            down = [*tool, "--profile", "demo", "down", "-v", "--remove-orphans", "-t", "10"]
            subprocess.run(down, cwd=folder, env=given, capture_output=True)
