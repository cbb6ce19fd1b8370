# Whether security updates of Debian are installed by themselves: apt's settings as they are after all files of them
# were read, and the timers that have them followed.
set -eu
for period in Update-Package-Lists Unattended-Upgrade; do
    days=$(apt-config dump --format '%v%n' "APT::Periodic::$period")
    [ "$days" = 1 ] || { echo "APT::Periodic::$period is '$days'" >&2; exit 1; }
done
origins=$(apt-config dump --format '%v%n' Unattended-Upgrade::Origins-Pattern | grep -c 'label=Debian-Security$') ||
    { echo 'security updates are none of those that apt installs' >&2; exit 1; }
[ -x /usr/bin/unattended-upgrade ] || { echo 'unattended-upgrades is not installed' >&2; exit 1; }
for timer in apt-daily.timer apt-daily-upgrade.timer; do
    state=$(systemctl is-active "$timer") || { echo "$timer is $state" >&2; exit 1; }
done
last=$(systemctl show -p NextElapseUSecRealtime --value apt-daily-upgrade.timer)
echo "$origins origins; next $last"
