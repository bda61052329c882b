#!/bin/bash
# What a machine's kernel does before it starts the first process: empty /run and /tmp, control groups to write to.
set -e
mount -o remount,rw /sys
mount -o remount,rw /sys/fs/cgroup
for controller in /sys/fs/cgroup/*; do
    if mountpoint -q "$controller"; then mount -o remount,bind,rw "$controller"; fi
done
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /tmp
exec /sbin/init
