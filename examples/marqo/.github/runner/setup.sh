#!/usr/bin/env bash
# What the tests need on a machine beside docker and git, which every image of the action has. bake.yml runs it once, as
# root, while it makes the images; a change of this file makes new ones. Compilers and Python's headers are there for
# requirements that have no wheel for a machine's architecture, as is often so on ARM.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
apt-get -o Acquire::Retries=5 update
apt-get -o Acquire::Retries=5 install -y --no-install-recommends build-essential python3 python3-dev python3-venv tox
# For py3-dind_os: a machine that starts from the image need not fetch it.
docker pull python:3.13-slim
