#!/bin/bash
# Sessions on the nodes of a SLURM job: Ray is started on them for the job, and stopped with it.
#
#   export MODEL=anthropic:claude-haiku-4-5 SESSIONS=100000 MAX_USD=2000
#   export CATALOG=s3://bucket/shop HUMAN=s3://bucket/people OUT=s3://bucket/runs/first
#   sbatch --nodes=8 slurm.sh
#
# Keys (ANTHROPIC_API_KEY, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) come from the environment, which sbatch hands on.
# The paths may also be of a file system that all nodes see. On each node: pip install "paars_gym[ray,s3]"
#SBATCH --job-name=paars
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=24:00:00
#SBATCH --output=%x-%j.log
#SBATCH --requeue
set -euo pipefail
: "${MODEL:?}" "${SESSIONS:?}" "${MAX_USD:?}" "${CATALOG:?}" "${HUMAN:?}" "${OUT:?}"

nodes=$(scontrol show hostnames "$SLURM_JOB_NODELIST")
head=${nodes%%$'\n'*}
export RAY_SYMMETRIC_RUN_CLUSTER_WAIT_TIMEOUT=300

# On every node; what stands behind the two dashes, on the head alone, once all nodes are there. A job that is begun
# again goes on: what has been played and paid for is in OUT.
on_ray() {
    srun --nodes="$SLURM_JOB_NUM_NODES" --ntasks="$SLURM_JOB_NUM_NODES" --export=ALL \
        ray symmetric-run --address "$head:6379" --min-nodes "$SLURM_JOB_NUM_NODES" \
        --num-cpus="$SLURM_CPUS_PER_TASK" -- "$@"
}

on_ray paars simulate --backend ray --address auto --resume --catalog "$CATALOG" --policy llm --model "$MODEL" \
    --sessions "$SESSIONS" --max-usd "$MAX_USD" --concurrency 256 --out "$OUT"
on_ray paars score --backend ray --address auto --human "$HUMAN" --agents "$OUT" --out "$OUT.score.json"
