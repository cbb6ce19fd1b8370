#!/bin/sh
# Starts a host: into its cgroups and network namespace, then new namespaces for
# all the rest, where `pid1` goes on. Dies with its parent, and its host with it.
# Environment: NETNS, CGROUPS (directories), PID1 (the script), and what it reads.
set -eu
for group in $CGROUPS; do echo $$ >"$group/cgroup.procs"; done
exec nsenter --net="/run/netns/$NETNS" \
  unshare --mount --uts --ipc --pid --cgroup --fork --kill-child=KILL --propagation private \
  /bin/sh "$PID1"
