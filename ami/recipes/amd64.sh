# The image for AMD64.
EGR_MACHINE=x86_64
EGR_STEPS='packages docker user runner setup-script boot prove clean'
