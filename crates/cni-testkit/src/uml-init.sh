#!/bin/sh
# First process of user-mode Linux: makes the read-only root writable, runs the shared command,
# leaves its output and status in the shared directory and powers off.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME=/root

mount -t proc proc /proc
for word in $(cat /proc/cmdline); do
    case $word in
        umlout=*) shared=${word#umlout=} ;;
    esac
done

# A directory that exists everywhere; the new root is stacked below it.
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
pivot_root . mnt
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /lib/modules /run/shared
ln -sfn "/usr/lib/uml/modules/$(uname -r)" "/lib/modules/$(uname -r)"
mount -t hostfs -o "$shared" none /run/shared

# Nothing loads modules on demand here.
for module in bridge veth dummy macvlan ipvlan 8021q vrf ifb tun sch_tbf sch_ingress act_mirred \
    cls_u32 sch_htb; do
    modprobe -q "$module"
done
ip link set lo up

sh /run/shared/command >/run/shared/output 2>&1 </dev/null
echo $? >/run/shared/status
sync
echo o >/proc/sysrq-trigger
sleep 10
