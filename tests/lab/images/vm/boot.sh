#!/bin/bash
# What a machine's kernel and its first process do: empty /run and /tmp, control groups to write to, sshd, and an engine
# that is started again when it ends; with systemd it does the latter. Keys lie in /lab, which is the test's.
set -u
mount -o remount,rw /sys
mount -o remount,rw /sys/fs/cgroup
for controller in /sys/fs/cgroup/*; do
    if mountpoint -q "$controller"; then mount -o remount,bind,rw "$controller"; fi
done
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p /run/sshd /small
# More than a deploy asks for, and little enough to be filled up.
mount -t tmpfs -o mode=755,size=800m tmpfs /small
for home in root:/root deployer:/home/deployer; do
    install -d -m 0700 -o "${home%%:*}" "${home#*:}/.ssh"
    install -m 0600 -o "${home%%:*}" /lab/authorized_keys "${home#*:}/.ssh/authorized_keys"
done
install -m 0600 /lab/host /etc/ssh/ssh_host_ed25519_key
if [ -x /lib/systemd/systemd ]; then exec /lib/systemd/systemd; fi
/usr/sbin/sshd -D -e -o UseDNS=no -o MaxStartups=100 2>>/var/log/sshd.log &
down=
trap 'down=yes; kill -TERM "$(cat /run/docker.pid)"' TERM
while [ -z "$down" ]; do
    rm -f /run/docker.pid
    dockerd >>/var/log/dockerd.log 2>&1 &
    engine=$!
    while kill -0 "$engine" 2>/dev/null; do wait "$engine"; done
done
