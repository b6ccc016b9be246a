# What is done once on an instance, by whichever boot comes to it first. That outlives new user data (a warm
# machine's claim) and is bound to the instance: what is made from an image of this one does it itself.

# egr_once_done: reports whether this instance has these authorities, packages and setup-script already.
egr_once_done() { grep -qsx "$(egr_print_part once | cksum)" /run/ec2-github-runner/state/../ec2-github-runner.once; }

egr_do_once() {
  [ -z "$part_certificates" ] || egr_trust_certificates
  [ -z "$part_packages" ] || egr_install_packages
  [ -z "$part_setup_script" ] || egr_run_setup_script
  egr_print_part once | cksum >/run/ec2-github-runner/state/../ec2-github-runner.once
}
