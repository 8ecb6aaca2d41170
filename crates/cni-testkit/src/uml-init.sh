#!/bin/sh
# First process of user-mode Linux: makes the read-only root writable, runs the shared command,
# leaves its output and status in the shared directory and powers off.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH HOME=/root

# Started without privilege, root's files look like somebody else's here: `mount`, which is
# set-uid, would give its rights away.
if [ -z "$KEEPS_RIGHTS" ]; then
    KEEPS_RIGHTS=1 exec setpriv --no-new-privs "$0"
fi

mount -t proc proc /proc
for word in $(cat /proc/cmdline); do
    case $word in
        umlout=*) shared=${word#umlout=} ;;
    esac
done

# /mnt exists everywhere: it holds the modules until there is a writable root, and that root.
release=$(uname -r)
mount -t tmpfs tmpfs /mnt
mkdir -p /mnt/upper /mnt/work /mnt/root /mnt/lib/modules
ln -s "/usr/lib/uml/modules/$release" "/mnt/lib/modules/$release"
modprobe -d /mnt overlay
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
cd /mnt/root
pivot_root . mnt
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /lib/modules /run/shared
ln -sfn "/usr/lib/uml/modules/$release" "/lib/modules/$release"
mount -t hostfs -o "$shared" none /run/shared

# Nothing loads modules on demand here.
for module in bridge veth dummy macvlan ipvlan 8021q vrf ifb tun sch_tbf sch_ingress act_mirred \
    cls_u32 sch_htb; do
    modprobe -q "$module"
done
ip link set lo up

unset KEEPS_RIGHTS
sh /run/shared/command >/run/shared/output 2>&1 </dev/null
echo $? >/run/shared/status
sync
echo o >/proc/sysrq-trigger
sleep 10
