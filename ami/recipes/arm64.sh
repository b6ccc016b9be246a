# The image for ARM64.
EGR_MACHINE=aarch64
EGR_STEPS='packages docker user runner setup-script boot prove clean'
