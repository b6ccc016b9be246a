# What is done once on an instance, at whichever boot comes first. The mark survives new user data (the claim of a warm
# machine) and is bound to the instance: a machine made from an image of this one does it again.

# egr_once_done: reports whether this instance already has these certificates, packages and setup-script.
egr_once_done() { grep -qsx "$(egr_print_part once | cksum)" /run/ec2-github-runner/state/../ec2-github-runner.once; }

egr_do_once() {
  [ -z "$part_certificates" ] || egr_trust_certificates
  [ -z "$part_packages" ] || egr_install_packages
  [ -z "$part_setup_script" ] || egr_run_setup_script
  egr_print_part once | cksum >/run/ec2-github-runner/state/../ec2-github-runner.once
}
