#!/bin/bash
# The stand-in runner's env.sh: what a service and its jobs get of the environment in which config.sh ran.

[ -f .env ] || touch .env
known=$(<.env)
echo "$PATH" >.path
for name in LANG JAVA_HOME ANT_HOME M2_HOME ANDROID_HOME ANDROID_SDK_ROOT GRADLE_HOME NVM_BIN NVM_PATH LD_LIBRARY_PATH PERL5LIB; do
  if [[ $known != *"$name="* ]] && [ -n "${!name}" ]; then
    echo "$name=${!name}" >>.env
  fi
done
