# The image for CUDA: NVIDIA's driver with Ubuntu's prebuilt open modules, and the container toolkit. The open modules
# need Turing or newer (g4dn, g5, g6, p4 and later; g5g on ARM). nvidia-docker2, the predecessor of the toolkit, was
# archived in January 2024.
# https://documentation.ubuntu.com/aws/aws-how-to/instances/install-nvidia-drivers/
# https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html
EGR_MACHINE=any
EGR_STEPS='packages docker user runner driver toolkit reboot setup-script boot prove clean'

egr_step_driver() {
  local ID PRETTY_NAME list
  . /etc/os-release
  [ "$ID" = ubuntu ] || egr_fail "the recipe for cuda needs Ubuntu and this is $PRETTY_NAME: use another base-image-id"
  grep -qi 0x10de /sys/bus/pci/devices/*/vendor || egr_fail 'there is no NVIDIA device on this machine: ec2-instance-type must be one with a GPU, such as g4dn.xlarge'
  # The newest kernel with the modules that were built for it.
  egr_install linux-aws linux-modules-nvidia-580-open-aws nvidia-driver-580-open
  # Kernel and driver match each other: neither may be upgraded alone.
  mapfile -t list < <(dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' 'linux-*aws*' 'nvidia-*' 'libnvidia-*' | sed -n 's/^ii *//p' || :)
  apt-mark hold "${list[@]}"
}

egr_step_toolkit() {
  egr_fetch_key nvidia-container-toolkit https://nvidia.github.io/libnvidia-container/gpgkey
  # apt replaces $(ARCH).
  # shellcheck disable=SC2016
  printf '%s\n' 'deb [signed-by=/etc/apt/keyrings/nvidia-container-toolkit.asc] https://nvidia.github.io/libnvidia-container/stable/deb/$(ARCH) /' \
    >/etc/apt/sources.list.d/nvidia-container-toolkit.list
  egr_update
  egr_install nvidia-container-toolkit
  nvidia-ctk runtime configure --runtime=docker
  systemctl restart docker
}
