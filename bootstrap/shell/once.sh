# What is done once on an instance, by whichever boot comes to it first. That outlives new user data (a warm
# machine's claim) and is bound to the instance: what is made from an image of this one does it itself.

# egr_done: authorities, packages and setup-script are the same that this instance has already.
egr_done() { grep -qsx "$(egr_part once | cksum)" /run/ec2-github-runner/state/../ec2-github-runner.once; }

egr_once() {
  [ -z "$part_certificates" ] || egr_certificates
  [ -z "$part_packages" ] || egr_packages
  [ -z "$part_setup_script" ] || egr_setup_script
  egr_part once | cksum >/run/ec2-github-runner/state/../ec2-github-runner.once
}
