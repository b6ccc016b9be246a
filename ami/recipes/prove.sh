# Tests on this very machine what a job will use. Nothing is pulled from a registry.

egr_step_prove() {
  local have each
  git --version
  have=$(runuser -u runner -- env DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=0 /opt/actions-runner/bin/Runner.Listener --version) ||
    egr_fail "the runner does not start: $have"
  [ "$have" = "$(</opt/actions-runner/.ec2-github-runner)" ] || egr_fail "the runner says it is $have"
  for each in docker.service containerd.service docker.socket ec2-github-runner-early.service; do
    systemctl is-enabled $each || egr_fail "$each is not enabled"
  done
  docker buildx version
  docker compose version
  egr_import_image /bin/cat
  # As the user that runs jobs, who may use docker.
  have=$(echo 'it works' | runuser -u runner -- docker run --rm -i ec2-github-runner-proof /bin/cat) || egr_fail 'docker run: no container runs'
  [ "$have" = 'it works' ] || egr_fail "docker run: it said $have"
  egr_prove_builds
  [ "$egr_bake" != cuda ] || egr_prove_gpu
  docker rmi --force ec2-github-runner-proof
}

# egr_prove_builds: tests that buildx builds, that compose builds with buildx, and that the results run. Only when it
# builds does compose report that a buildx is too old.
egr_prove_builds() {
  local at
  at=$(mktemp -d)
  mkdir "$at/home"
  echo 'it works' >"$at/note"
  printf '%s\n' 'FROM ec2-github-runner-proof' 'COPY note /note' >"$at/Dockerfile"
  printf '%s\n' 'services:' '  proof:' '    build: .' '    image: ec2-github-runner-proof:compose' '    network_mode: none' \
    '    command: [/bin/cat, /note]' >"$at/compose.yaml"
  chown -R runner: "$at"
  egr_run_docker buildx build --load -t ec2-github-runner-proof:buildx .
  egr_run_docker run --rm ec2-github-runner-proof:buildx /bin/cat /note
  [ "$(<"$at/out")" = 'it works' ] || egr_fail "docker buildx: what it built says $(<"$at/out")"
  egr_run_docker compose up --build --no-log-prefix --exit-code-from proof
  # Its output may be coloured.
  grep -q 'it works' "$at/out" || egr_fail "docker compose up: it said $(tail -n 1 "$at/out")"
  egr_run_docker compose down
  docker rmi --force ec2-github-runner-proof:{buildx,compose}
  rm -rf "$at"
}

# egr_run_docker ARGUMENT...: runs docker in the folder $at, as the user that runs jobs, with another home.
egr_run_docker() {
  (cd "$at" && runuser -u runner -- env HOME="$at/home" COMPOSE_PROJECT_NAME=ec2-github-runner-proof docker "$@" >out 2>err) ||
    egr_fail "docker $1 $2: $(grep . "$at/err" | tail -n 1)"
  cat "$at/out" "$at/err"
}

# egr_import_image PROGRAM [OTHER]: creates a container image of a program of this machine and the libraries that both
# programs need.
egr_import_image() {
  local root each
  root=$(mktemp -d)
  cp -L --parents "$1" "$root"
  for each; do
    { ldd "$each" || :; } | { grep -o '/[^ ]*' || :; } | xargs -r cp -L --parents -t "$root"
  done
  mkdir -p "$root"/{etc,tmp,usr/bin,usr/lib}
  chmod -R a+rX "$root"
  tar -C "$root" -c . | docker import - ec2-github-runner-proof
  rm -rf "$root"
}

# egr_prove_gpu: tests that the machine and a container see the same GPU.
egr_prove_gpu() {
  local here there smi
  smi=$(command -v nvidia-smi) || egr_fail 'there is no nvidia-smi'
  here=$(nvidia-smi -L) || egr_fail "nvidia-smi: $here"
  [[ $here == GPU\ 0:* ]] || egr_fail "nvidia-smi sees no GPU: $here"
  # The toolkit adds nvidia-smi to the container, but not all of its libraries.
  egr_import_image /bin/cat "$smi"
  there=$(docker run --rm --gpus all -e NVIDIA_DRIVER_CAPABILITIES=utility -e LD_LIBRARY_PATH=/usr/lib/x86_64-linux-gnu:/usr/lib/aarch64-linux-gnu:/usr/lib64 \
    ec2-github-runner-proof nvidia-smi -L) || egr_fail 'docker run --gpus all: the container does not run'
  [ "$here" = "$there" ] || egr_fail "docker run --gpus all: the container sees $there"
}
