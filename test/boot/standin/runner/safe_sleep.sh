#!/bin/bash
# The stand-in runner's safe_sleep.sh.
sleep "$1"
